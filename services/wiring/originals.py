"""Where originals lie: in the data directory, or in a bucket. Knows nothing of what is done with them."""

from retrieval.errors import InvalidInputError
from services.blobs import BlobStore
from services.blobs.directory import DirectoryStore
from services.settings import Settings


def blob_store(settings: Settings) -> BlobStore:
    """The store that the settings name. Raises InvalidInputError(code="s3_not_installed")."""
    if settings.bucket is None:
        return DirectoryStore(settings.data_dir / "blobs")
    try:  # boto3 is an extra, and takes a while to be loaded
        from services.blobs.bucket import Bucket  # noqa: PLC0415
        from services.blobs.bucket_store import BucketStore  # noqa: PLC0415
        from services.blobs.cache import Cache  # noqa: PLC0415
    except ImportError as error:
        message = "FOOTNOTE_ORIGINALS_URL names a bucket, which needs boto3: install footnote[s3], or that package."
        raise InvalidInputError(message, code="s3_not_installed") from error
    name, prefix = settings.bucket
    access, secret = settings.originals_access_key, settings.originals_secret_key
    bucket = Bucket(
        name,
        prefix=prefix,
        endpoint=settings.originals_endpoint or None,
        region=settings.originals_region or None,
        access_key=access.get_secret_value() if access else None,
        secret_key=secret.get_secret_value() if secret else None,
    )
    copies = Cache(settings.data_dir / "copies", size=settings.originals_cache_mb * 2**20)
    return BucketStore(bucket, copies.start())
