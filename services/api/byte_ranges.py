"""A file of which a reader may ask parts, as RFC 9110 (14) has it. Knows nothing of documents.

Starlette answers a Range header that it cannot read with an error, where such a header is to be ignored, and one that
the file cannot satisfy without a problem document.
"""

import re
from pathlib import Path

from fastapi.responses import FileResponse
from starlette.datastructures import MutableHeaders
from starlette.types import Receive, Scope, Send

from retrieval.errors import InvalidInputError

# Python reads no number of some thousand digits; a file's position has far fewer.
_RANGE = re.compile(r"(?P<first>\d{1,99})-(?P<last>\d{0,99})|-(?P<length>\d{1,99})", re.ASCII)


class RangeNotSatisfiableError(InvalidInputError):
    """A file of `size` bytes has none of the ranges that were asked for."""

    def __init__(self, size: int) -> None:
        super().__init__(f"The file ends before these bytes: it has {size:,}.", code="range_not_satisfiable")
        self.size = size


class RangedFile(FileResponse):
    """The file, or the ranges of it that are asked for. Raises RangeNotSatisfiableError where it has none of these."""

    def __init__(self, path: Path, *, media_type: str, headers: dict[str, str]) -> None:
        self.size = (found := path.stat()).st_size
        super().__init__(path, media_type=media_type, headers=headers, stat_result=found)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope = dict(scope)
        headers = MutableHeaders(scope=scope)
        same = headers.get("if-range") in (None, self.headers["etag"], self.headers["last-modified"])
        is_asked = same and scope["method"] == "GET" and "range" in headers
        wanted = satisfiable(headers["range"], self.size) if is_asked else None
        del headers["range"]
        if wanted is not None:
            headers["range"] = wanted
        await super().__call__(scope, receive, send)


def satisfiable(header: str, size: int) -> str | None:
    """A Range header without the ranges that a file of `size` bytes does not have; None for one to be ignored.

    Raises RangeNotSatisfiableError where none is left.
    """
    unit, _, listed = header.partition("=")
    ranges = [_RANGE.fullmatch(one.strip()) for one in listed.split(",") if one.strip(" \t")]
    read = [found for found in ranges if found is not None and _is_ordered(found)]
    if unit.strip().lower() != "bytes" or not read or len(read) < len(ranges):
        return None
    there = [found[0] for found in read if _is_there(found, size)]
    if not there:
        raise RangeNotSatisfiableError(size)
    return f"bytes={','.join(there)}"


def _is_ordered(found: re.Match[str]) -> bool:
    return not found["last"] or int(found["first"]) <= int(found["last"])


def _is_there(found: re.Match[str], size: int) -> bool:
    return int(found["first"]) < size if found["first"] else int(found["length"]) > 0
