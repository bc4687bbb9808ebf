"""The read path: a question and a principal in, grounded and cited events out.

Knows nothing of HTTP, Celery, SQL or settings.
"""
