"""The write path: bytes in, chunks out, and the command line that feeds them.

Knows nothing of SQL, Celery or settings.
"""
