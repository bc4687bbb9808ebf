"""An engine: one generation's way of cutting and embedding, with its collection. `Engines` knows which one is in use.

Whoever reads or writes takes both halves from one engine, so that vectors of one model are never looked for among those
of another. Knows nothing of settings, documents or who asks.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass

import structlog

from retrieval.embedding import Embedder
from retrieval.errors import FootnoteError, UnavailableError
from retrieval.index import ChunkIndex
from retrieval.prefixes import NO_PREFIXES, Prefixes
from retrieval.retriever import Snapshot
from services.db.generations import Current, Generations
from services.db.models import Generation

FOLLOW_SECONDS = 1.0
# A model that could not be loaded, because it could not be downloaded for instance.
AGAIN_SECONDS = 30.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Engine:
    """What a generation is read and written with."""

    generation: int
    chunk_tokens: int
    embedder: Embedder
    index: ChunkIndex


class Engines:
    """The active generation's engine, loaded when it changes; the one before is let go. Safe for threads.

    `load` makes the embedder of a model's name, `open_index` the index of a generation's number. `prefixes` is what the
    operator says that a new generation is made with; where that is nothing, the model is asked. Methods raise
    UnavailableError where the registry or the index does not answer, or the active generation's model cannot be
    loaded: that is no document's fault.
    """

    def __init__(
        self,
        generations: Generations,
        *,
        load: Callable[[str], Embedder],
        open_index: Callable[[int], ChunkIndex],
        prefixes: Prefixes = NO_PREFIXES,
    ) -> None:
        self._generations = generations
        self._load = load
        self._open_index = open_index
        self.said = prefixes
        self._loading = threading.Lock()
        self._engine: Engine | None = None
        self._not_before = 0.0

    def active(self) -> Engine:
        """The active generation's engine, for writing: waits while its model is loaded."""
        return self._in_use()[1]

    def snapshot(self) -> Snapshot:
        """What a search that begins now reads.

        Between a switch and the end of loading the new model that is the generation before, as it was when it was
        switched off: nothing in it goes away, and what became ready later is not in it.
        """
        engine = self._engine  # read before the generation is: what is loaded is never newer than that
        current = self._generations.current()
        if engine is None or engine.generation != current.generation.number:
            since = self._generations.retired_at(engine.generation) if engine else None
            if engine is not None and since is not None:
                self._load_in_background()
                return Snapshot(since, engine.embedder, engine.index)
            current, engine = self._in_use()
        return Snapshot(current.at, engine.embedder, engine.index)

    def living(self, *, retired: bool = True) -> tuple[ChunkIndex, ...]:
        """Every generation's collection: metadata and deletions go to all of them.

        Without the retired ones for a version that was overtaken: there it stays, because slow readers may follow it.
        """
        return tuple(self._open_index(number) for number in self._generations.living(retired=retired))

    def index(self) -> ChunkIndex:
        """The active generation's collection, without loading its model."""
        return self._open_index(self._generations.current().generation.number)

    def collection(self, number: int) -> ChunkIndex:
        """Any generation's collection, which may not exist."""
        return self._open_index(number)

    def of(self, generation: Generation) -> Engine:
        """Any generation's engine. Its collection is not made here, but for `active` and `snapshot`."""
        engine = self._engine
        same = engine is not None and engine.embedder.model_name == generation.embedding_model
        embedder = engine.embedder if engine is not None and same else self._load(generation.embedding_model)
        if generation.prefixes is None:
            made = embedder.for_index(generation.recipe, self._wanted(embedder))
            generation = self._generations.settle(generation.number, made.prefixes, reads=made.max_tokens)
        fitting = embedder.for_index(generation.recipe, generation.prefixes or NO_PREFIXES)
        return Engine(generation.number, generation.chunk_tokens, fitting, self._open_index(generation.number))

    def follow(self, stop: threading.Event) -> None:
        """Notice a switch within a second, from a thread of its own, also while nobody searches."""

        def look() -> None:
            while not stop.wait(FOLLOW_SECONDS):
                with suppress(FootnoteError):  # the registry is away: whoever searches hears of it
                    self.snapshot()

        threading.Thread(target=look, name="generations", daemon=True).start()

    def _in_use(self) -> tuple[Current, Engine]:
        with self._loading:
            while True:
                current = self._generations.current()
                generation, engine = current.generation, self._engine
                if engine is not None and engine.generation == generation.number:
                    return current, engine
                engine = self._loaded(generation)
                engine.index.prepare(engine.embedder.dimension)
                self._engine = engine
                self._compare(engine.embedder)
                _log.info("generation_in_use", generation=generation.number, embedding_model=generation.embedding_model)

    def _wanted(self, embedder: Embedder) -> Prefixes:
        """What a generation that is made now would have."""
        return self.said.or_else(embedder.own_prefixes)

    def _compare(self, active: Embedder) -> None:
        """As for the model itself: nothing is embedded again because it says otherwise today, or the settings do."""
        wanted = self._wanted(active)
        if active.prefixes != wanted:
            _log.warning(
                "prefixes_differ", in_use=asdict(active.prefixes), settings=asdict(wanted), next="footnote reindex"
            )

    def _loaded(self, generation: Generation) -> Engine:
        try:
            return self.of(generation)
        except UnavailableError:
            raise
        except Exception as error:  # a hub that is out of reach, a missing folder, a GPU without memory
            name = generation.embedding_model
            _log.exception("model_not_loaded", embedding_model=name)
            raise UnavailableError(
                f"The embedding model {name} cannot be loaded here: {error}", code="model_not_loaded"
            ) from error

    def _load_in_background(self) -> None:
        if self._loading.locked() or time.monotonic() < self._not_before:
            return

        def load() -> None:
            try:
                self._in_use()
            except Exception:  # searches go on in the generation before
                self._not_before = time.monotonic() + AGAIN_SECONDS
                _log.exception("generation_not_loaded", again_in_seconds=AGAIN_SECONDS)

        threading.Thread(target=load, name="load generation", daemon=True).start()
