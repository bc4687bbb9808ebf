"""What an answer says of sources that disagree or were superseded: a sentence behind it, and its `conflicts`.

Knows nothing of how disagreements are found.
"""

from collections.abc import Collection

from retrieval.conflicts import disagreements
from retrieval.languages import language_of_sentence
from retrieval.reading import Reading
from retrieval.transcript import Transcript
from retrieval.types import AnswerEvent, Citation, Conflict, SentenceStatus

_SUPERSEDED = {
    "english": ("“{old}” has been superseded by “{new}”.", "“{old}” has been superseded by a newer document."),
    "german": ("„{old}“ wurde durch „{new}“ ersetzt.", "„{old}“ wurde durch ein neueres Dokument ersetzt."),
    "french": ("« {old} » est remplacé par « {new} ».", "« {old} » est remplacé par un document plus récent."),
    "spanish": ("«{old}» fue reemplazado por «{new}».", "«{old}» fue reemplazado por un documento más reciente."),
}


def noted(reading: Reading, transcript: Transcript) -> list[AnswerEvent]:
    """Write down where other sources disagree with what the answer cites, or supersede it; the events that say so.

    Where the answer cites both sides of a disagreement it has said so itself. The sources must be those of the
    reading's hits, in order.
    """
    cited = [
        index
        for index, unit in enumerate(reading.units)
        if any(_overlaps(citation, reading, index) for citation in transcript.citations)
    ]
    events: list[AnswerEvent] = []
    for found in disagreements(reading, cited):
        sources = tuple(reading.units[unit].hit + 1 for unit in found.units)
        note = found.note(reading)
        transcript.conflicts.append(Conflict(sources, note))
        if not set(found.units) <= set(cited):
            citations = tuple(citation_of(reading, unit) for unit in found.units)
            events += transcript.add("\n\n", note, SentenceStatus.SUPPORTED, citations)
    told = {frozenset(conflict.sources) for conflict in transcript.conflicts}
    for conflict in _superseded(reading, sorted({reading.units[index].hit for index in cited})):
        if frozenset(conflict.sources) not in told:
            transcript.conflicts.append(conflict)
            # The registry says this and not a passage, so there is nothing to cite.
            events += transcript.add("\n\n", conflict.note, SentenceStatus.NO_CLAIM, ())
    return events


def citation_of(reading: Reading, index: int) -> Citation:
    """A unit of the reading, quoted as it is."""
    unit = reading.units[index]
    document = reading.hits[unit.hit].document
    return Citation(unit.hit + 1, document.document_id, document.version, unit.start, unit.end, unit.text, support=1.0)


def _superseded(reading: Reading, hits: Collection[int]) -> list[Conflict]:
    """One for each document that one of these hits is of and that was superseded."""
    named, unnamed = _SUPERSEDED.get(language_of_sentence(reading.question), _SUPERSEDED["english"])
    by_document = {hit.document.document_id: number for number, hit in reversed([*enumerate(reading.hits, start=1)])}
    found: dict[str, Conflict] = {}
    for index in hits:
        old = reading.hits[index].document
        if old.superseded_by is None or old.document_id in found:
            continue
        number = by_document.get(old.superseded_by)
        if number is None:
            found[old.document_id] = Conflict((index + 1,), unnamed.format(old=old.title))
        else:
            note = named.format(old=old.title, new=reading.hits[number - 1].document.title)
            found[old.document_id] = Conflict((index + 1, number), note)
    return list(found.values())


def _overlaps(citation: Citation, reading: Reading, index: int) -> bool:
    unit = reading.units[index]
    return citation.source == unit.hit + 1 and citation.start < unit.end and unit.start < citation.end
