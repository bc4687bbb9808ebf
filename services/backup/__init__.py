"""Backup and restore of a whole installation, while it runs, into one file.

`archive.py` is the file, `taking.py` writes one, `restoring.py` reads one back. A backup is: the registry's tables at
one moment, the blobs that they refer to, and the active generation's points with their vectors, so that a restore
embeds nothing. Knows nothing of settings.
"""
