"""The steps of `footnote reindex`, from a command's options to its outcome. Knows nothing of settings or printing."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import structlog

from retrieval.errors import FootnoteError, InvalidInputError
from retrieval.evaluation import Question
from retrieval.prefixes import NO_PREFIXES
from retrieval.reranking import Reranker, SignalReranker
from services.db.database import Database
from services.db.generations import Generations, Holdings
from services.db.jobs import GRACE
from services.db.members import Members
from services.db.models import Generation
from services.db.registry import SqlRegistry
from services.engine import Engine, Engines
from services.reindexing.build import Build
from services.reindexing.comparison import Comparison, compare
from services.reindexing.lease import KeptLease, taken
from services.reindexing.patience import Patience
from services.reindexing.texts import Texts

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """Where a run says what it does: sentences, and bars as (kind, done, all)."""

    say: Callable[[str], None]
    progress: Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to. `previous` is the number of the generation that was in use before, or still is.

    `worse`: it was found to answer worse beyond noise, now or in an earlier run.
    """

    generation: Generation
    previous: int
    switched: bool
    embedded: int
    documents: int
    failures: dict[str, str] = field(default_factory=dict)
    comparison: Comparison | None = None
    worse: bool = False


class Reindexer:
    """Builds, compares, switches, goes back and drops. `owner` names this process in the lease.

    `reranker` makes the one that questions are compared with, once there are any.
    """

    def __init__(
        self,
        *,
        database: Database,
        engines: Engines,
        texts: Texts,
        owner: str,
        default_model: str,
        told: Told,
        reranker: Callable[[], Reranker] = SignalReranker,
    ) -> None:
        self._database = database
        self._generations = Generations(database)
        self._engines = engines
        self._texts = texts
        self._owner = owner
        self._default_model = default_model
        self._told = told
        self._reranker = reranker

    def reindex(
        self, *, embedding_model: str | None, chunk_tokens: int | None, questions: Sequence[Question],
        switch: bool, even_if_worse: bool,
    ) -> Outcome:  # fmt: skip
        """Build a generation, or go on with the one that is unfinished; compare it; switch to it.

        It is not switched to where `switch` is False, where a document could not be brought over, or where it scores
        worse beyond noise and that was not accepted. Raises ConflictError, InvalidInputError, UnavailableError.
        """
        if embedding_model and Path(embedding_model).is_absolute() and not Path(embedding_model).is_dir():
            raise InvalidInputError(f"There is no folder {embedding_model}.", code="model_not_loaded")
        self.drop_marked()
        generation = taken(
            lambda: self._generations.begin(
                self._owner,
                embedding_model=embedding_model,
                chunk_tokens=chunk_tokens,
                default_model=self._default_model,
                said=self._engines.said,
            ),
            self._told.say,
        )
        with self._working_on(generation) as build:
            build.run()
            self._generations.proceed(generation.number, self._owner, "built")
            comparison = self._compared(generation, build.engine, questions)
            # What an earlier run found out counts until it is asked again.
            worse = comparison.worse if comparison else bool((generation.scores or {}).get("worse"))
            done = self._outcome(generation, build, comparison, switch=switch and (even_if_worse or not worse))
            return replace(done, worse=worse)

    def rollback(self) -> Outcome:
        """Go back to the generation before this one, with everything that came in since. Raises NotFoundError."""
        self.drop_marked()
        generation = taken(lambda: self._generations.begin_rollback(self._owner), self._told.say)
        with self._working_on(generation) as build:
            build.run()
            return self._outcome(generation, build, None, switch=True)

    def abort(self) -> list[int]:
        """Drop the unfinished generation, whoever works on it; its number, if there was one."""
        numbers = self._generations.abort()
        self.drop_marked()
        return numbers

    def drop_old(self) -> list[int]:
        """Drop the generations that a rollback could go back to, once no search can be in one of them."""
        while (wait := self._grace_left()) > 0:
            self._told.say(f"Waiting {wait:.0f} s for searches that may still be in the old generation …")
            time.sleep(wait)
        numbers = self._generations.drop(("retired",))
        self.drop_marked()
        return numbers

    def holdings(self) -> tuple[list[Holdings], int]:
        """Every generation with what it holds, and the number of documents. Needs the registry alone."""
        return self._generations.holdings()

    def drop_marked(self) -> None:
        """Delete the collections of dropped generations, and let the alias stand for the one in use."""
        for number in self._generations.dropping():
            self._engines.collection(number).drop()
            self._generations.dropped(number)
        self._show_current()

    def _show_current(self) -> None:
        """Let the alias stand for the generation in use, also where that changes at this moment."""
        shown = None
        while (number := self._generations.current().generation.number) != shown:
            if self._engines.collection(number).is_prepared():
                self._engines.collection(number).show_as_current()
            shown = number

    @contextmanager
    def _working_on(self, generation: Generation) -> Iterator[Build]:
        with KeptLease(self._generations, generation.number, self._owner) as lease:
            members = Members(self._database, generation.number, self._owner)
            engine = self._engine(generation)
            self._prepare(generation, engine, members)
            made_with = [generation.embedding_model, f"{generation.chunk_tokens} tokens a chunk"]
            made_with += [str(engine.embedder.prefixes)] if engine.embedder.prefixes != NO_PREFIXES else []
            self._told.say(f"Generation {generation.number}: {', '.join(made_with)}.")
            yield Build(members, engine, self._texts, Patience(lease.check), partial(self._told.progress, "Documents"))

    def _engine(self, generation: Generation) -> Engine:
        """Load the model. One that cannot be loaded, or reads less than a chunk, leaves no generation behind."""
        try:
            engine = self._engines.of(generation)
            if engine.embedder.max_tokens < generation.chunk_tokens:
                raise InvalidInputError(
                    f"{generation.embedding_model} reads {engine.embedder.max_tokens} tokens at a time: choose "
                    f"--chunk-tokens {engine.embedder.max_tokens * 3 // 4} or fewer.",
                    code="chunks_too_long",
                )
        except Exception as error:
            if generation.state == "preparing":
                self.abort()
            if isinstance(error, FootnoteError):
                raise
            _log.exception("model_not_loaded")
            raise InvalidInputError(
                f"The embedding model {generation.embedding_model} cannot be loaded: {error}", code="model_not_loaded"
            ) from error
        return engine

    def _prepare(self, generation: Generation, engine: Engine, members: Members) -> None:
        """Make the collection, also where it was lost with the index: then nothing of it is there."""
        if generation.state == "preparing":
            engine.index.drop()
        if generation.state == "preparing" or not engine.index.is_prepared():
            members.clear()
            engine.index.prepare(engine.embedder.dimension)
        if generation.state == "preparing":
            self._generations.proceed(generation.number, self._owner, "building")

    def _compared(self, generation: Generation, after: Engine, questions: Sequence[Question]) -> Comparison | None:
        if not questions:
            return None
        before = self._engines.active()
        told = partial(self._told.progress, "Questions")
        comparison = compare(
            questions, before, after, SqlRegistry(self._database), reranker=self._reranker(), progress=told
        )
        scores = comparison.as_json()
        self._generations.proceed(generation.number, self._owner, "built", scores=scores)
        return comparison

    def _outcome(self, generation: Generation, build: Build, comparison: Comparison | None, *, switch: bool) -> Outcome:
        previous = self._generations.current().generation.number
        switched = False
        while switch and not switched and not build.failures:
            switched = self._generations.switch(generation.number, self._owner)
            if not switched:
                build.run()  # what came in since
        if switched:
            self._generations.drop(("retired",), before=self._generations.clock() - GRACE)
            self.drop_marked()
        held, documents = build.members.counts()
        return Outcome(
            generation,
            previous,
            switched,
            build.embedded,
            documents if switched else held,
            dict(build.failures),
            comparison,
        )

    def _grace_left(self) -> float:
        now = self._generations.clock()
        rows, _ = self._generations.holdings()
        retired = [row.generation.retired_at for row in rows if row.generation.state == "retired"]
        return max(((at + GRACE - now).total_seconds() for at in retired if at is not None), default=0.0)
