"""A bucket of an S3-compatible object store: put, get, list and delete. The only file that knows boto3.

Knows nothing of what the objects are.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import structlog
from boto3.s3.transfer import TransferConfig
from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from retrieval.errors import UnavailableError

READ = 1 << 20
# What is larger goes up in parts of PART bytes: a connection that breaks costs a part. Up to 10 are held in memory.
WHOLE, PART = 64 << 20, 8 << 20
CONNECTIONS = 16
FULL = 507  # Insufficient Storage, as MinIO and others answer; a quota has codes of its own everywhere
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object's key below the bucket's prefix, and when it was written by its clock, in seconds since 1970."""

    key: str
    modified: float


class Bucket:
    """The keys below `prefix` in the bucket `name`. Safe for threads.

    Without an endpoint it is Amazon's; without keys, credentials come from where Amazon's own tools take them. Methods
    raise UnavailableError: storage_full, or storage_unavailable where the store does not answer or refuses.
    """

    def __init__(
        self,
        name: str,
        *,
        prefix: str = "",
        endpoint: str | None = None,
        region: str | None = None,
        access_key: str | None = None,
        secret_key: str | None = None,
    ) -> None:
        self._name = name
        self._prefix = f"{prefix}/" if prefix else ""
        session = Session(aws_access_key_id=access_key, aws_secret_access_key=secret_key, region_name=region)
        # Other stores are rarely reached under a host name for each bucket, and few know Amazon's newer checksums.
        common = Config(
            max_pool_connections=CONNECTIONS,
            s3={"addressing_style": "path" if endpoint else "auto"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        patient = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 3})
        # Somebody waits for what is read, in one of few threads.
        prompt = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})
        brief = Config(connect_timeout=2, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 1})
        self._client = session.client("s3", endpoint_url=endpoint, config=common.merge(patient))
        self._reading = session.client("s3", endpoint_url=endpoint, config=common.merge(prompt))
        self._probe = session.client("s3", endpoint_url=endpoint, config=common.merge(brief))

    def put(self, key: str, file: IO[bytes]) -> None:
        """Store what the file holds; there and durable on return, otherwise nothing of it is."""
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        with self._errors():
            if size <= WHOLE:
                self._client.put_object(Bucket=self._name, Key=self._prefix + key, Body=file)
            else:
                parts = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=4)
                self._client.upload_fileobj(file, self._name, self._prefix + key, Config=parts)

    def get(self, key: str, write: Callable[[bytes], object]) -> bool:
        """Give `write` the object's bytes, piece by piece; False where there is no such object."""
        with self._errors():
            try:
                body = self._reading.get_object(Bucket=self._name, Key=self._prefix + key)["Body"]
            except self._reading.exceptions.NoSuchKey:
                return False
            with body:
                for piece in body.iter_chunks(READ):
                    write(piece)
        return True

    def objects(self, below: str, *, after: str = "") -> Iterator[StoredObject]:
        """The objects whose keys begin with `below` and lie behind `after`, in the order of their keys."""
        pages = self._reading.get_paginator("list_objects_v2")
        start = {"StartAfter": self._prefix + after} if after else {}
        with self._errors():
            for page in pages.paginate(Bucket=self._name, Prefix=self._prefix + below, **start):
                for found in page.get("Contents", ()):
                    key = str(found["Key"]).removeprefix(self._prefix)
                    yield StoredObject(key, found["LastModified"].timestamp())

    def delete(self, key: str) -> None:
        """Delete the object, if it is there."""
        with self._errors():
            self._client.delete_object(Bucket=self._name, Key=self._prefix + key)

    def answers(self) -> bool:
        """Whether the bucket can be listed, told within seconds."""
        try:
            self._probe.list_objects_v2(Bucket=self._name, Prefix=self._prefix, MaxKeys=1)
        except (ClientError, BotoCoreError) as error:
            _log.warning("bucket_unavailable", bucket=self._name, reason=str(error))
            return False
        return True

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._reading.close()
        self._probe.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """What people are told names neither bucket nor address; the log does."""
        try:
            yield
        except ClientError as error:
            _log.warning("bucket_refuses", bucket=self._name, reason=str(error))
            code = str(error.response.get("Error", {}).get("Code", ""))
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if status == FULL or "quota" in code.lower() or "storagefull" in code.lower():
                message = "The object store for originals is full: nothing was stored."
                raise UnavailableError(message, code="storage_full") from error
            message = f"The object store for originals answers {status} ({code})."
            raise UnavailableError(message, code="storage_unavailable") from error
        except BotoCoreError as error:
            _log.warning("bucket_unavailable", bucket=self._name, reason=str(error))
            message = "The object store for originals does not answer."
            raise UnavailableError(message, code="storage_unavailable") from error
