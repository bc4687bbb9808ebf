"""The newest valid wording before the one that it replaced. Knows nothing of what supersedes what, or of scores."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


def newest_first(
    items: Sequence[T], superseded_by: Callable[[T], str | None], document_id: Callable[[T], str]
) -> list[T]:
    """Put what a document was superseded by before it; best first otherwise as before.

    Items of a superseded document that stand before the first item of its successor move directly behind that one, in
    their order. Nothing is dropped, for the old wording may be what was asked for, and nothing moves forwards: where
    the successor stands before them already, or is not among the items, they keep their places. So do documents that
    supersede each other in a circle.
    """
    present = {document_id(item) for item in items}
    named = {document_id(item): successor for item in items if (successor := superseded_by(item)) in present}
    successors = {old: new for old, new in named.items() if new is not None and not _in_circle(old, named)}
    placed: list[T] = []
    placed_ids: set[str] = set()
    waiting: dict[str, list[T]] = {}

    def put(item: T) -> None:
        placed.append(item)
        placed_ids.add(document_id(item))
        for held in waiting.pop(document_id(item), ()):
            put(held)

    for item in items:
        successor = successors.get(document_id(item))
        if successor is None or successor in placed_ids:
            put(item)
        else:
            waiting.setdefault(successor, []).append(item)
    return placed


def _in_circle(start: str, successors: Mapping[str, str | None]) -> bool:
    """Whether the way from a document leads back to it."""
    seen: set[str] = set()
    at: str | None = start
    while at is not None and at not in seen:
        seen.add(at)
        at = successors.get(at)
    return at == start
