"""Holds as objects in a bucket, which every machine sees. Knows nothing of what else lies there."""

import io
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from retrieval.errors import UnavailableError
from services.blobs.bucket import Bucket
from services.blobs.contract import SILENT_SECONDS

_HOLDS = "holds/"
# `keep` is called after every file of a backup: so often it is worth a request.
KEEP_SECONDS = 60.0


class BucketHolds:
    """An object's age is how long its holder has been silent."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    @contextmanager
    def hold(self) -> Iterator[Callable[[], None]]:
        """None in a bucket that takes nothing."""
        mine = f"{_HOLDS}{uuid.uuid4().hex}"
        kept = -KEEP_SECONDS

        def keep() -> None:
            nonlocal kept
            if time.monotonic() - kept >= KEEP_SECONDS:
                with suppress(UnavailableError):
                    self._bucket.put(mine, io.BytesIO())
                    kept = time.monotonic()

        keep()
        try:
            yield keep
        finally:
            with suppress(UnavailableError):
                self._bucket.delete(mine)

    def any(self) -> bool:
        found = False
        for hold in list(self._bucket.objects(_HOLDS)):
            if time.time() - hold.modified > SILENT_SECONDS:
                self._bucket.delete(hold.key)
            else:
                found = True
        return found
