"""The chain of audit events: how each is hashed, and where a chain is broken. Knows nothing of where events come from.

An event's `hash` is the SHA-256 of its canonical line: the JSON of all its other fields, `previous_hash` among them,
with keys sorted, without spaces, in ASCII. The first event follows `GENESIS`.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from retrieval.errors import FootnoteError

GENESIS = "0" * 64
# What an event says that tells of others cleared away: the last of them by `through` and `hash`.
CLEARED_SUBJECT = "audit_log"

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Link:
    """One event of the chain by its number and hash."""

    sequence: int
    hash: str


class BrokenChainError(FootnoteError):
    """The chain does not hold at the event `sequence`."""

    code = "audit_chain_broken"

    def __init__(self, sequence: int, message: str) -> None:
        super().__init__(f"The audit log is broken at event {sequence}: {message}")
        self.sequence = sequence


def canonical(event: Event) -> str:
    """The line that is hashed: an event without its hash."""
    said = {name: value for name, value in event.items() if name != "hash"}
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest(event: Event) -> str:
    """The hash that this event has to carry, 64 hexadecimal digits."""
    return hashlib.sha256(canonical(event).encode()).hexdigest()


class ChainCheck:
    """Takes a chain's events in order, oldest first; `kept` is a head written down earlier, which must be in it."""

    def __init__(self, kept: Link | None = None) -> None:
        self._kept = kept
        # Where events are missing: the first number, and the last of them as the next event says.
        self._gaps: list[tuple[int, Link]] = []
        self._cleared: set[Link] = set()
        self.first: Event | None = None
        self.head: Event | None = None
        self.events = 0

    def take(self, event: Event) -> None:
        """The next event. Raises BrokenChainError."""
        link = Link(int(event["sequence"]), str(event["hash"]))
        if digest(event) != link.hash:
            raise BrokenChainError(link.sequence, "it was changed, for its hash is that of something else.")
        last = self._last(event, link)
        if link.sequence <= last.sequence:
            message = f"event {link.sequence} comes behind event {last.sequence}: their order was changed."
            raise BrokenChainError(self._due(link.sequence), message)
        if event["previous_hash"] != last.hash:
            raise BrokenChainError(link.sequence, "it does not follow the event before it, which was replaced.")
        self._compare(link)
        if event["subject"] == CLEARED_SUBJECT and "through" in event["details"]:
            self._cleared.add(Link(int(event["details"]["through"]), str(event["details"]["hash"])))
        self.head, self.events = event, self.events + 1

    def end(self) -> None:
        """That was the last one. Raises BrokenChainError for what is missing and was not cleared."""
        newest = int(self.head["sequence"]) if self.head is not None else 0
        for first, last in self._gaps:
            if last not in self._cleared:
                message = f"it is missing, and so is every other before {last.sequence + 1}; nothing cleared them."
                raise BrokenChainError(first, message)
            if self._kept is not None and first <= self._kept.sequence < last.sequence:
                message = "the head that was kept has been cleared away since: keep a newer one."
                raise BrokenChainError(self._kept.sequence, message)
        if self._kept is not None and self._kept.sequence > newest:
            raise BrokenChainError(newest + 1, f"the log was cut off, for it had {self._kept.sequence} events before.")

    def _last(self, event: Event, link: Link) -> Link:
        """The event that this one has to follow. Where some are missing they may have been cleared away: at the
        beginning, or while the log was read, page by page. What cleared them is told at its end."""
        last = Link(int(self.head["sequence"]), str(self.head["hash"])) if self.head is not None else Link(0, GENESIS)
        if self.head is None:
            self.first = event
        if link.sequence <= last.sequence + 1:
            return last
        before = Link(link.sequence - 1, str(event["previous_hash"]))
        self._gaps.append((last.sequence + 1, before))
        self._compare(before)
        return before

    def _due(self, sequence: int) -> int:
        """Where the first event is missing among which this one belongs: itself where none is."""
        return next((first for first, last in self._gaps if first <= sequence <= last.sequence), sequence)

    def _compare(self, link: Link) -> None:
        kept = self._kept
        if kept is not None and link.sequence == kept.sequence and link.hash != kept.hash:
            raise BrokenChainError(link.sequence, "it is not the one whose hash was kept: the log was rewritten.")
