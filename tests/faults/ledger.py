"""What was sent, what was accepted, and so what a reader may and must see at any moment. The harness's own truth.

Times are this process's monotonic clock. An operation counts from when it was sent and surely from when it was
confirmed; between the two a reader may see either side. Knows nothing of HTTP or of the registry.
"""

import math
import threading
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.faults.words import Text

EVERYONE, INSIDERS = "everyone", "group:insiders"


@dataclass(frozen=True, slots=True)
class Granted:
    """One state of a document's grants."""

    grant: str
    sent: float
    confirmed: float


@dataclass
class Entry:
    """One document."""

    name: str
    chunks: int
    id: str | None = None
    sent: int = 0
    """The highest revision that was sent, accepted or not."""
    accepted: int = 0
    by_sha256: dict[str, int] = field(default_factory=dict)
    floors: list[tuple[float, int]] = field(default_factory=list)
    """(since when, the revision that readers see at least)."""
    grants: list[Granted] = field(default_factory=list)
    delete_sent: float = math.inf
    deleted: float = math.inf

    def floor(self, at: float) -> int:
        """The revision that a reader who begins at this moment sees at least; 0: perhaps nothing."""
        return max((revision for since, revision in self.floors if since <= at), default=0)

    def raise_floor(self, revision: int, since: float) -> None:
        """From `since` on nobody may see an older one."""
        if not self.floors or self.floors[-1][1] < revision:
            self.floors.append((since, revision))

    def open_to_all(self, began: float, ended: float) -> bool:
        """Whether everybody might read it at some moment between."""
        ends = [state.confirmed for state in self.grants[1:]] + [math.inf]
        return any(
            state.grant == EVERYONE and state.sent <= ended and until >= began
            for state, until in zip(self.grants, ends, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that must never be seen."""

    kind: str
    what: str


class Ledger:
    """All documents of one run; threads use it at once."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.entries: dict[str, Entry] = {}
        self._by_id: dict[str, Entry] = {}
        self._by_sha256: dict[str, Entry] = {}
        self.violations: list[Violation] = []
        self.counts: Counter[str] = Counter()
        self.changed: deque[Entry] = deque(maxlen=400)
        """Documents in the order in which they were touched last: where readers look."""

    def add(self, entry: Entry) -> None:
        """A document that is about to be sent."""
        with self.lock:
            self.entries[entry.name] = entry

    def sending(self, entry: Entry, text: Text) -> None:
        """A revision is about to be sent."""
        with self.lock:
            entry.sent = max(entry.sent, text.revision)
            self.changed.append(entry)
            entry.by_sha256[text.sha256] = text.revision
            self._by_sha256[text.sha256] = entry

    def accepted(self, entry: Entry, document_id: str, revision: int) -> None:
        """The service said 202, or 200 for what it had already."""
        with self.lock:
            if entry.id is not None and entry.id != document_id:
                self.report("duplicate", f"{entry.name} became two documents: {entry.id} and {document_id}")
            entry.id, entry.accepted = document_id, max(entry.accepted, revision)
            self._by_id[document_id] = entry

    def activated(self, sha256: str, since: float) -> None:
        """The registry's pointer was seen at the revision with these bytes."""
        with self.lock:
            if entry := self._by_sha256.get(sha256):
                entry.raise_floor(entry.by_sha256[sha256], since)

    def live(self) -> list[Entry]:
        """Documents that were accepted and not deleted."""
        with self.lock:
            return [e for e in self.entries.values() if e.accepted and math.isinf(e.delete_sent)]

    def of(self, document_id: str) -> Entry | None:
        return self._by_id.get(document_id)

    def report(self, kind: str, what: str) -> None:
        """Record a violation."""
        with self.lock:
            self.violations.append(Violation(kind, what))

    def each(self) -> Iterator[Entry]:
        """All documents, as they are now."""
        with self.lock:
            return iter(list(self.entries.values()))
