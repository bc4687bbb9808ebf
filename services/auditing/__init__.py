"""The auditor: registry against index against originals. A library: knows nothing of HTTP, Celery, SQL or Qdrant.

`auditor.py` looks, `judging.py` says what is wrong with one document's points, `originals.py` what is wrong with the
blobs, `repair.py` mends, `watch.py` notices by itself that a part was lost or put back from an older copy,
`clearing.py` deletes originals and texts that nothing needs any more.
"""
