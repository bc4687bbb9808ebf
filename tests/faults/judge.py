"""Judges one search response against the ledger: torn, duplicate, phantom, vanished, or shown to the wrong person.

A function of values, so that it can be tested itself. Knows nothing of HTTP.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.faults.ledger import Entry, Ledger, Violation
from tests.faults.words import read_back


@dataclass(frozen=True, slots=True)
class Reading:
    """One search: who asked for which document, from when until when, and what came."""

    asked: Entry | None
    insider: bool
    began: float
    ended: float
    hits: Sequence[dict[str, Any]]


def judged(ledger: Ledger, reading: Reading) -> list[Violation]:
    """Everything that is wrong with a response; also raises what later readers must see at least."""
    with ledger.lock:
        found = list(_verdicts(ledger, reading))
        ledger.violations.extend(found)
        return found


def _verdicts(ledger: Ledger, reading: Reading) -> Iterator[Violation]:
    by_document: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for hit in reading.hits:
        by_document[hit["document_id"]].append(hit)
    for document_id, hits in by_document.items():
        revisions = {marker for hit in hits for marker in read_back(hit["text"])}
        if not revisions:
            continue  # a document that is none of ours: a hostile file that could be read
        yield from _one_document(ledger, reading, document_id, hits, revisions)
    asked = reading.asked
    if asked and not _is_among(asked, by_document) and _must_be_found(asked, reading):
        yield Violation("vanished", f"{asked.name} was ready and not found by an insider")


def _one_document(
    ledger: Ledger, reading: Reading, document_id: str, hits: list[dict[str, Any]], markers: set[tuple[str, int]]
) -> Iterator[Violation]:
    spans = [(hit["start"], hit["end"]) for hit in hits]
    if len(set(spans)) < len(spans):
        yield Violation("duplicate", f"{sorted(markers)}: a passage of {document_id} came twice")
    if len({hit["version"] for hit in hits}) > 1 or len(markers) > 1:
        versions = sorted({hit["version"] for hit in hits})
        yield Violation("torn", f"{document_id} came as versions {versions} with {sorted(markers)}")
        return
    ((name, revision),) = markers
    entry = ledger.entries[name]
    if entry.id is not None and entry.id != document_id:
        yield Violation("duplicate", f"{name} was found as {document_id}, and is {entry.id}")
    if entry.deleted <= reading.began:
        yield Violation("phantom", f"{name} was found {reading.began - entry.deleted:.3f} s after it was deleted")
    if revision < entry.floor(reading.began) or revision > entry.sent:
        yield Violation("phantom", f"{name} came at revision {revision}, not {entry.floor(reading.began)} or later")
    if not reading.insider and not entry.open_to_all(reading.began, reading.ended):
        yield Violation("widened", f"{name} was shown to an outsider")
    entry.raise_floor(revision, reading.ended)


def _is_among(asked: Entry, by_document: Mapping[str, list[dict[str, Any]]]) -> bool:
    """Whether it was found: by its words where its id never came, because the answer to its upload was lost."""
    if asked.id is not None:
        return asked.id in by_document
    return any(
        name == asked.name for hits in by_document.values() for hit in hits for name, _ in read_back(hit["text"])
    )


def _must_be_found(entry: Entry, reading: Reading) -> bool:
    return reading.insider and entry.floor(reading.began) > 0 and entry.delete_sent > reading.ended
