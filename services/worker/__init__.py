"""The worker: claims jobs and carries them out. The only place, beside `services/queue.py`, that knows Celery."""
