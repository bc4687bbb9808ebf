"""Points as lines of JSON: vectors as base64 of little-endian 32-bit floats, which is what the index itself keeps.

A tenth of the time and a third of the size of decimal digits, and exact.
"""

import base64
import gzip
import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any

from retrieval.index import StoredPoint

Row = dict[str, Any]
_LEVEL = 1  # most of it is vectors, which do not get smaller


def packed(rows: Iterable[Row]) -> bytes:
    """Rows as compressed lines of JSON."""
    lines = "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows)
    return gzip.compress(lines.encode(), _LEVEL, mtime=0)


def unpacked(data: IO[bytes]) -> Iterator[Row]:
    """The rows again."""
    with gzip.open(data, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def point_row(point: StoredPoint) -> Row:
    """A point with its vectors as a row."""
    indices, values = point.sparse or ([], [])
    return {
        "id": point.id,
        "payload": point.payload,
        "dense": _floats(point.dense or []),
        "sparse": {"indices": indices, "values": _floats(values)},
    }


def point_of(row: Row) -> StoredPoint:
    """The point of a row."""
    sparse = row["sparse"]
    indices = [int(index) for index in sparse["indices"]]
    return StoredPoint(row["id"], row["payload"], _list(row["dense"]), (indices, _list(sparse["values"])))


def _floats(values: Sequence[float]) -> str:
    return base64.b64encode(array("f", values).tobytes()).decode()


def _list(text: str) -> list[float]:
    values = array("f")
    values.frombytes(base64.b64decode(text))
    return values.tolist()
