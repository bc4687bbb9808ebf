"""What went wrong on a disk, in the words of whoever wanted something stored."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from retrieval.errors import LocalFaultError, UnavailableError


@contextmanager
def storage_errors(where: str) -> Iterator[None]:
    """OSErrors of the disk for `where` become UnavailableErrors: storage_full, or the LocalFaultError
    storage_unavailable.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UnavailableError(f"The disk for {where} is full: nothing was stored.", code="storage_full") from error
        raise LocalFaultError(f"The disk for {where} cannot be used.", code="storage_unavailable") from error
