"""JSON values taken from a request, checked one by one.

A member that the caller does not name is refused with 501, so that nothing in a request is ever dropped without a word;
a `null` one that it does name is the same as an absent one, as in Qdrant. Knows nothing of what the values mean.
"""

from math import isfinite
from typing import Any

from qdrant_edge import IsEmptyCondition

from services.embedded.index.errors import UnsupportedError, WrongInputError

I64_MIN, U64_MAX = -(2**63), 2**64 - 1


def members(value: object, what: str, *known: str) -> dict[str, Any]:
    """The members of a JSON object that are not null. UnsupportedError names the first one not in `known`."""
    if not isinstance(value, dict):
        raise WrongInputError(f"Format error in JSON body: {what} must be an object")
    for name in value:
        if name not in known:
            raise UnsupportedError(f"field `{name}` in {what}")
    return {name: member for name, member in value.items() if member is not None}


def required(found: dict[str, Any], name: str, what: str) -> Any:
    """The named member. WrongInputError where it is absent."""
    if name not in found:
        raise WrongInputError(f"Format error in JSON body: missing field `{name}` in {what}")
    return found[name]


def integer(value: object, what: str, *, least: int = 0, most: int = 2**31 - 1) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise WrongInputError(f"Format error in JSON body: {what} must be an integer")
    if not least <= value <= most:
        raise WrongInputError(f"Wrong input: {what} must be between {least} and {most}, got {value}")
    return value


def number(value: object, what: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value):
        raise WrongInputError(f"Format error in JSON body: {what} must be a finite number")
    return float(value)


def flag(value: object, what: str) -> bool:
    if not isinstance(value, bool):
        raise WrongInputError(f"Format error in JSON body: {what} must be true or false")
    return value


def string(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise WrongInputError(f"Format error in JSON body: {what} must be a string")
    return value


def array(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise WrongInputError(f"Format error in JSON body: {what} must be an array")
    return value


def one_or_many(value: object, what: str) -> list[Any]:
    """Qdrant takes a single object wherever it takes a list of them."""
    return [value] if isinstance(value, dict) else array(value, what)


def payload_path(value: object, what: str) -> str:
    """The path of a payload field, such as `a.b[]`, in a form that the engine can read."""
    path = string(value, what)
    try:
        IsEmptyCondition(path)
    except ValueError:
        raise WrongInputError(f"Wrong input: `{path[:64]}` in {what} is not a path of a payload field") from None
    return path
