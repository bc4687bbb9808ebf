"""Originals and parsed texts by their SHA-256. Knows nothing of documents or who may read them.

`contract.py` says what a store does, `directory.py` keeps the bytes in a directory that all processes reach,
`bucket_store.py` in a bucket of an S3-compatible object store, with local copies in `cache.py` for what needs a file.
"""

from services.blobs.contract import Blob, BlobStore, StoredBlob

__all__ = ["Blob", "BlobStore", "StoredBlob"]
