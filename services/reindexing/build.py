"""Brings every active version into a generation's collection, cut and embedded as that generation does it.

Documents that come, change or go meanwhile are followed until nothing is missing. It can be killed anywhere and called
again: what a member row says is done is not embedded again. So a step that fails while a part is down is just repeated.
Knows nothing of switching.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import structlog

from ingest.chunking import chunk
from ingest.parsing import ParsedDocument
from ingest.pipeline import Cut, Key, Piece, Target, embed, embedded_text, write
from retrieval.errors import FootnoteError
from services.db.members import Members, Missing, Step
from services.engine import Engine
from services.reindexing.patience import Patience

# Chunks embedded and written at a time, of as many documents as it takes: what a kill costs, and about 5 s on 2 cores.
SLICE = 256
ATTEMPTS = 3
_log = structlog.get_logger(__name__)


@dataclass
class Build:
    """One run. `texts` gives a version's parsed text, or raises DocumentError; `progress` is told (done, all).

    `embedded` counts the chunks that were embedded, `failures` says why a document could not be brought over.
    """

    members: Members
    engine: Engine
    texts: Callable[[Missing], ParsedDocument]
    patience: Patience
    progress: Callable[[int, int], None]
    embedded: int = 0
    failures: dict[str, str] = field(default_factory=dict)
    _versions: dict[Key, Missing] = field(default_factory=dict)
    _miscounted: Counter[Key] = field(default_factory=Counter)

    def run(self) -> None:
        """Return when only what cannot be built is missing. Raises GenerationLostError, UnavailableError."""
        self.failures.clear()
        for _ in range(ATTEMPTS):
            self._follow()
            if self.patience(self._is_exact):
                return
            self.patience(self._recount)

    def _follow(self) -> None:
        """Go over the documents until a look finds nothing new."""
        self.progress(*self.patience(self.members.counts))
        found = True
        while found:
            self.patience(self._sweep)
            found = False
            for pieces in self._slices():
                found = True
                self.patience(partial(self._write, pieces))
                self.progress(*self.patience(self.members.counts))

    def _is_exact(self) -> bool:
        """Whether the collection holds as many chunks as the rows say."""
        return self.engine.index.total() == self.members.chunks()

    def _sweep(self) -> None:
        """Clear away what was deleted or overtaken since it was written."""
        while stale := self.members.stale():
            for document_id, version in stale:
                self.engine.index.delete(document_id, version)
                self.members.forget(document_id, version)

    def _recount(self) -> None:
        """Bring rows and collection together by looking at every chunk.

        They differ where chunks were left in a generation after it was no longer the active one, and where the index
        lost some, in a restore for instance.
        """
        rows = self.members.rows()
        held = Counter(
            (str(point.payload.get("document_id")), int(point.payload.get("version") or 0))
            for page in self.engine.index.scan(fields=["document_id", "version"])
            for point in page
        )
        for document_id, version in sorted(held.keys() - rows.keys()):
            self.engine.index.delete(document_id, version)
        for (document_id, version), chunks in rows.items():
            if chunks is not None and held[document_id, version] != chunks:
                self.members.forget(document_id, version)

    def _slices(self) -> Iterator[list[Piece]]:
        pieces: list[Piece] = []
        for version in self._missing():
            try:
                pieces += self._cut(version)
            except FootnoteError as error:
                self._fail(version.document_id, error)
            while len(pieces) >= SLICE:
                yield pieces[:SLICE]
                del pieces[:SLICE]
        if pieces:
            yield pieces

    def _missing(self) -> Iterator[Missing]:
        after = ""
        while page := self.patience(partial(self.members.missing, after=after)):
            yield from (version for version in page if version.document_id not in self.failures)
            after = page[-1].document_id

    def _cut(self, version: Missing) -> list[Piece]:
        parsed = self.texts(version)
        count = self.engine.embedder.count_tokens
        chunks = tuple(chunk(parsed, max_tokens=self.engine.chunk_tokens, count_tokens=count))
        cut = Cut(_target(version), parsed, chunks, {})
        self._versions[cut.target.key] = version
        # A version whose last chunk was written, but not recorded as that, is written once more from there.
        done = max(0, min(version.chunks_done, len(chunks) - 1))
        return [Piece(cut, part, embedded_text(version.title, part)) for part in chunks[done:]]

    def _write(self, pieces: Sequence[Piece]) -> None:
        # Nothing of a document follows a gap in it: what is recorded as done is without one.
        pieces = [piece for piece in pieces if piece.cut.target.document_id not in self.failures]
        last = {piece.key: piece for piece in pieces}
        self.members.begin(list(last))
        index, embedder = self.engine.index, self.engine.embedder
        made = embed(pieces, embedder=embedder, index=index, stored={})
        self.embedded += len(made.embedded)
        written = write(made.embedded, index=index)
        for (document_id, _), error in (made.failed | written.failed).items():
            self._fail(document_id, error)
        done = [piece for key, piece in last.items() if key[0] not in self.failures]
        self._record([self._step(piece) for piece in done])

    def _step(self, piece: Piece) -> Step:
        """How far the version is: whole when its last chunk is written and the index holds exactly as many."""
        (document_id, version), total = piece.key, len(piece.cut.chunks)
        revision = self._versions[piece.key].metadata_revision
        step = Step(document_id, version, revision, piece.chunk.number + 1, piece.is_last)
        if not step.whole:
            return step
        held = self.engine.index.count(document_id, version)
        if held == total:
            return step
        self._miscounted[piece.key] += 1
        if self._miscounted[piece.key] >= ATTEMPTS:
            self.failures[document_id] = f"The index holds {held} of its {total} passages."
        if held > total:  # of an earlier run, which cut another text
            self.engine.index.delete(document_id, version)
        return replace(step, done=0, whole=False)

    def _record(self, steps: Sequence[Step]) -> None:
        """Record the steps; grants and times that changed while their chunks were made are set in these as well."""
        while changed := self.members.record(steps):
            steps = []
            for step in changed:
                now = self.members.metadata(step.document_id)
                self.engine.index.set_metadata(step.document_id, grants=now.grants, modified_at=now.modified_at)
                steps.append(replace(step, metadata_revision=now.revision))

    def _fail(self, document_id: str, error: Exception) -> None:
        fault = f"{type(error).__name__} while it was embedded."
        self.failures[document_id] = error.message if isinstance(error, FootnoteError) else fault
        _log.warning("document_not_rebuilt", document=document_id, error=type(error).__name__)


def _target(version: Missing) -> Target:
    return Target(
        document_id=version.document_id,
        version=version.version,
        file_name=version.file_name,
        title=version.title,
        grants=version.grants,
        data_source=version.data_source,
        modified_at=version.modified_at,
    )
