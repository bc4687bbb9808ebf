"""Points, their ids, payloads and vectors: Qdrant's JSON -> the engine's values, and back.

Everything is checked before the engine sees it: a write that the engine refuses stays in its write-ahead log, and
replaying it after a crash leaves a point without vectors behind (seen with 0.9.0). Knows nothing of filters or shards.
"""

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any
from uuid import UUID

from qdrant_edge import Point, Record, ScoredPoint, SparseVector

from services.embedded.index.errors import UnsupportedError, WrongInputError
from services.embedded.index.fields import I64_MIN, U64_MAX, array, integer, members, required
from services.embedded.index.schema import Schema

F32_MAX = 3.4028234663852886e38
U32_MAX = 2**32 - 1
MAX_PAYLOAD_DEPTH = 64


def point_id(value: object) -> int | UUID:
    """An unsigned 64-bit integer or a UUID in any of its spellings."""
    if isinstance(value, str):
        try:
            return UUID(value)
        except ValueError:
            raise WrongInputError(f"Wrong input: `{value[:64]}` is not a valid point id (an integer or UUID)") from None
    return integer(value, "a point id", most=U64_MAX)


def points_of(found: dict[str, Any], schema: Schema) -> list[Point]:
    """Read `points` (a list) or `batch` (columns) of an upsert. WrongInputError says which vector does not fit."""
    if ("points" in found) == ("batch" in found):
        raise WrongInputError("Format error in JSON body: exactly one of `points` and `batch` is needed")
    rows = _rows(found["batch"]) if "batch" in found else array(found["points"], "`points`")
    return [_point(row, schema) for row in rows]


def _point(row: object, schema: Schema) -> Point:
    found = members(row, "a point", "id", "vector", "payload")
    vector = required(found, "vector", "a point")
    if isinstance(vector, list):
        raise WrongInputError("Wrong input: Not existing vector name error: (the collection has named vectors only)")
    if not isinstance(vector, dict):
        raise WrongInputError("Format error in JSON body: `vector` must be an object of named vectors")
    named: dict[str, Any] = {
        name: vector_of(value, name, schema) for name, value in vector.items() if value is not None
    }
    return Point(point_id(required(found, "id", "a point")), named, payload_of(found.get("payload", {})))


def _rows(batch: object) -> Iterator[dict[str, Any]]:
    found = members(batch, "`batch`", "ids", "vectors", "payloads")
    ids = array(required(found, "ids", "`batch`"), "`batch.ids`")
    columns = required(found, "vectors", "`batch`")
    if not isinstance(columns, dict):
        raise WrongInputError("Wrong input: `batch.vectors` must be an object of named vectors")
    payloads = array(found.get("payloads", [None] * len(ids)), "`batch.payloads`")
    for name, column in (*columns.items(), ("payloads", payloads)):
        if len(array(column, f"`batch.vectors.{name}`")) != len(ids):
            raise WrongInputError(f"Wrong input: `batch` has {len(ids)} ids but {len(column)} entries in `{name}`")
    for at, identifier in enumerate(ids):
        vector = {name: column[at] for name, column in columns.items()}
        yield {"id": identifier, "vector": vector, "payload": payloads[at]}


def vector_of(value: object, name: str, schema: Schema) -> list[float] | SparseVector:
    """A vector for the collection's vector `name`: of its kind, its size, finite in 32 bits."""
    if name in schema.dense:
        return _dense(value, name, schema.dense[name]["size"])
    if name in schema.sparse:
        return _sparse(value, name)
    raise WrongInputError(f"Wrong input: Not existing vector name error: {name}")


def _dense(value: object, name: str, size: int) -> list[float]:
    if isinstance(value, dict):
        if value.keys() <= {"indices", "values"}:
            raise WrongInputError(f"Wrong input: vector `{name}` is dense, got a sparse vector")
        raise UnsupportedError(f"field `{next(iter(value))}` in vector `{name}`")
    numbers = array(value, f"vector `{name}`")
    if numbers and isinstance(numbers[0], list):
        raise UnsupportedError(f"a multivector in `{name}`")
    if len(numbers) != size:
        raise WrongInputError(f"Wrong input: Vector dimension error: expected dim: {size}, got {len(numbers)}")
    return _finite(numbers, name)


def _sparse(value: object, name: str) -> SparseVector:
    if isinstance(value, list):
        raise WrongInputError(f"Wrong input: vector `{name}` is sparse, got a dense vector")
    found = members(value, f"vector `{name}`", "indices", "values")
    indices = array(required(found, "indices", f"vector `{name}`"), f"`{name}.indices`")
    values = array(required(found, "values", f"vector `{name}`"), f"`{name}.values`")
    if len(indices) != len(values):
        raise WrongInputError(f"Wrong input: vector `{name}`: indices and values must be the same length")
    if indices and (set(map(type, indices)) != {int} or min(indices) < 0 or max(indices) > U32_MAX):
        raise WrongInputError(f"Format error in JSON body: indices of vector `{name}` must be unsigned 32-bit integers")
    if len(set(indices)) != len(indices):
        raise WrongInputError(f"Wrong input: vector `{name}`: indices must be unique")
    return SparseVector(indices, _finite(values, name))


def _finite(numbers: list[Any], name: str) -> list[float]:
    """The numbers themselves. Checked a list at a time: 60,000 numbers arrive with a batch of 128 points."""
    fits = set(map(type, numbers)) <= {int, float}
    # No NaN comes out of JSON, so the extremes tell about all of them.
    if not fits or not -F32_MAX <= min(numbers, default=0) <= max(numbers, default=0) <= F32_MAX:
        raise WrongInputError(f"Wrong input: vector `{name}` must hold finite 32-bit numbers only")
    return numbers


def payload_of(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise WrongInputError("Format error in JSON body: `payload` must be an object")
    _check_payload(value, 0)
    return value


def _check_payload(value: object, depth: int) -> None:
    if depth > MAX_PAYLOAD_DEPTH:
        raise WrongInputError(f"Wrong input: the payload is nested deeper than {MAX_PAYLOAD_DEPTH} levels")
    if isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            _check_payload(member, depth + 1)
    elif isinstance(value, float) and not isfinite(value):
        raise WrongInputError("Wrong input: the payload must hold finite numbers only")
    elif isinstance(value, int) and not I64_MIN <= value <= U64_MAX:
        raise WrongInputError("Wrong input: the payload holds an integer beyond 64 bits")


def record_json(record: Record) -> dict[str, Any]:
    found: dict[str, Any] = {"id": id_json(record.id)}
    payload, vector = record.payload, record.vector
    if payload is not None:
        found["payload"] = payload
    if vector is not None:
        found["vector"] = _vectors_json(vector)
    if record.order_value is not None:
        found["order_value"] = record.order_value
    return found


def scored_json(point: ScoredPoint) -> dict[str, Any]:
    """Its id is a UUID where it is no integer: what writes JSON turns that into text faster than Python does."""
    # The engine makes each value anew whenever it is read.
    payload, vector = point.payload, point.vector
    found: dict[str, Any] = {"id": point.id, "version": point.version, "score": point.score}
    if payload is not None:
        found["payload"] = payload
    if vector is not None:
        found["vector"] = _vectors_json(vector)
    return found


def id_json(identifier: int | UUID | str) -> int | str:
    return identifier if isinstance(identifier, int) else str(identifier)


def _vectors_json(vectors: Any) -> dict[str, Any]:
    named: Mapping[str, Any] = vectors
    return {
        name: {"indices": vector.indices, "values": vector.values} if isinstance(vector, SparseVector) else vector
        for name, vector in named.items()
    }


def selected_ids(value: object) -> list[int | UUID]:
    return [point_id(item) for item in array(value, "`points`")]
