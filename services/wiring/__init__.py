"""The composition root: settings in, objects out. The only place that knows both.

`core.py` builds what every process shares, `api.py` and `worker.py` what one of them needs on top, so that no process
carries the other's libraries.
"""
