"""Qdrant's filter form -> the engine's filter.

An empty `must`, `should` or whole filter matches everything and an empty `any` nothing, as on a Qdrant server, because
the lists are handed to the same engine as they came. Knows nothing of which fields exist or who may see what.
"""

from collections.abc import Callable, Mapping
from typing import Any

from qdrant_edge import (
    FieldCondition,
    Filter,
    HasIdCondition,
    IsEmptyCondition,
    IsNullCondition,
    MatchAny,
    MatchExcept,
    MatchValue,
    RangeFloat,
)

from services.embedded.index.errors import UnsupportedError, WrongInputError
from services.embedded.index.fields import I64_MIN, array, integer, members, number, one_or_many, payload_path, required
from services.embedded.index.points import point_id

I64_MAX = 2**63 - 1
MAX_DEPTH = 32


def filter_of(value: object, depth: int = 0) -> Filter:
    """Read a filter. WrongInputError beyond 32 levels; UnsupportedError names an unknown clause or condition."""
    if depth > MAX_DEPTH:
        raise WrongInputError(f"Wrong input: filters are nested deeper than {MAX_DEPTH} levels")
    found = members(value, "a filter", "must", "should", "must_not")
    clauses: dict[str, Any] = {
        name: [_condition(item, depth) for item in one_or_many(conditions, f"`{name}`")]
        for name, conditions in found.items()
    }
    return Filter(**clauses)


def optional_filter(value: object) -> Filter | None:
    return None if value is None else filter_of(value)


def _condition(value: object, depth: int) -> Any:
    if not isinstance(value, dict):
        raise WrongInputError("Format error in JSON body: a condition must be an object")
    for name, read in _CONDITIONS.items():
        if name in value:
            return read(value)
    return filter_of(value, depth + 1)


def _field_condition(value: object) -> FieldCondition:
    found = members(value, "a field condition", "key", "match", "range")
    key = payload_path(required(found, "key", "a field condition"), "`key` of a condition")
    del found["key"]
    if len(found) != 1:
        raise WrongInputError(f"Wrong input: the condition on `{key}` must have exactly one of `match` and `range`")
    if "match" in found:
        return FieldCondition(key, match=_match(found["match"]))
    bounds = members(found["range"], "`range`", "lt", "lte", "gt", "gte")
    for name, bound in bounds.items():
        if isinstance(bound, str):
            raise UnsupportedError("a range of dates")
        bounds[name] = number(bound, f"`range.{name}`")
    return FieldCondition(key, range=RangeFloat(**bounds))


def _match(value: object) -> MatchValue | MatchAny | MatchExcept:
    found = members(value, "`match`", "value", "any", "except")
    if len(found) != 1:
        raise WrongInputError("Wrong input: `match` must have exactly one of `value`, `any` and `except`")
    if "value" in found:
        wanted = found["value"]
        if isinstance(wanted, str | bool):
            return MatchValue(wanted)
        return MatchValue(integer(wanted, "`match.value`", least=I64_MIN, most=I64_MAX))
    name, values = next(iter(found.items()))
    listed = array(values, f"`match.{name}`")
    if not all(isinstance(item, str) for item in listed):
        listed = [integer(item, f"each item of `match.{name}`", least=I64_MIN, most=I64_MAX) for item in listed]
    return MatchAny(listed) if name == "any" else MatchExcept(listed)


def _has_id(value: object) -> HasIdCondition:
    found = members(value, "a condition", "has_id")
    return HasIdCondition({point_id(item) for item in array(required(found, "has_id", "a condition"), "`has_id`")})


def _is_empty(value: object) -> IsEmptyCondition:
    return IsEmptyCondition(_payload_key(value, "is_empty"))


def _is_null(value: object) -> IsNullCondition:
    return IsNullCondition(_payload_key(value, "is_null"))


def _payload_key(value: object, name: str) -> str:
    outer = members(value, "a condition", name)
    inner = members(required(outer, name, "a condition"), f"`{name}`", "key")
    return payload_path(required(inner, "key", f"`{name}`"), f"`{name}.key`")


_CONDITIONS: Mapping[str, Callable[[object], Any]] = {
    "key": _field_condition,
    "has_id": _has_id,
    "is_empty": _is_empty,
    "is_null": _is_null,
}
