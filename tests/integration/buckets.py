"""Blob stores in a bucket, for tests: moto's server takes any credentials and, once, forgets everything."""

import uuid
from pathlib import Path

import httpx

from services.blobs.bucket import Bucket
from services.blobs.bucket_store import BucketStore
from services.blobs.cache import Cache

REGION, ACCESS_KEY, SECRET_KEY = "us-east-1", "somebody", "correct-horse-battery-staple"
PREFIX = "footnote/production"


def new_bucket(endpoint: str) -> str:
    """The name of a bucket that is made."""
    name = f"originals-{uuid.uuid4().hex[:12]}"
    httpx.put(f"{endpoint}/{name}").raise_for_status()
    return name


def open_store(endpoint: str, bucket: str, folder: Path, *, size: int = 2**30) -> BucketStore:
    """A store as one machine has it, with its copies in the folder."""
    keys = {"region": REGION, "access_key": ACCESS_KEY, "secret_key": SECRET_KEY}
    return BucketStore(Bucket(bucket, prefix=PREFIX, endpoint=endpoint, **keys), Cache(folder, size=size))


def settings_for(endpoint: str, bucket: str, prefix: str = PREFIX) -> dict[str, str]:
    """What our processes are told."""
    return {
        "FOOTNOTE_ORIGINALS_URL": f"s3://{bucket}/{prefix}",
        "FOOTNOTE_ORIGINALS_ENDPOINT": endpoint,
        "FOOTNOTE_ORIGINALS_REGION": REGION,
        "FOOTNOTE_ORIGINALS_ACCESS_KEY": ACCESS_KEY,
        "FOOTNOTE_ORIGINALS_SECRET_KEY": SECRET_KEY,
    }
