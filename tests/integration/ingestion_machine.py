"""Ingestion as a state machine: what may happen to documents, and what readers must see after each of it.

The model is `Modelled`: a document's texts, who may read it, and which text is shown. Everything beside it is the real
thing: SQL, worker, index engine, retriever.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from qdrant_client import QdrantClient
from sqlalchemy import select, update

from retrieval.errors import ConflictError
from retrieval.retriever import Retriever
from retrieval.types import Principal
from services.db.documents import Documents
from services.db.models import Job
from services.db.registry import SqlRegistry
from tests.faults import audit
from tests.faults.words import read_back, written
from tests.integration.mortal import ANY, Fate, Killed, StruckClient, StruckDatabase, dies
from tests.integration.test_registry import handbook
from tests.integration.workshop import Workshop

NAMES = ("doc00001aaaa", "doc00002bbbb", "doc00003cccc")
HOLDS = {
    "ann": {"everyone", "user:ann@example.com"},
    "hana": {"everyone", "group:hr"},
    "sam": {"everyone"},
}
GRANTS = ("everyone", "group:hr", "user:ann@example.com")
ENOUGH_ROUNDS = 8
# A round of work on three documents takes about 40 steps; those at the index are where it matters most.
MOMENTS = st.one_of(
    st.tuples(st.sampled_from(["before upsert", "after upsert", "before count"]), st.just(1)),
    st.tuples(st.sampled_from(["before upsert", "before delete", "before set_payload", "write"]), st.integers(1, 4)),
    st.tuples(st.just(ANY), st.integers(1, 60)),
)
names = st.sampled_from(NAMES)
something_is_there = precondition(lambda self: bool(self._model))


class World(Protocol):
    """What an example starts from: an empty registry and index, and three people."""

    def begin(self) -> tuple[Workshop, dict[str, Principal], int]: ...

    def end(self) -> None: ...


@dataclass
class Modelled:
    """A document that is not deleted. `shown` is the text that readers see, 0 for none."""

    id: str
    latest: int
    grant: str
    shown: int = 0
    sizes: dict[int, int] = field(default_factory=dict)
    corrupt: set[int] = field(default_factory=set)


class IngestionMachine(RuleBasedStateMachine):
    """One example."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self._shop, self._people, self._port = world.begin()
        self._model: dict[str, Modelled] = {}
        self._ever: list[str] = []
        self._documents = Documents(self._shop.database)
        self._retriever = Retriever(self._shop.engines.snapshot, SqlRegistry(self._shop.database))
        self._revision = 0

    # --- what people do

    @rule(name=names, chunks=st.integers(1, 12), corrupt=st.sampled_from([False, False, False, True]))
    def send_other_bytes(self, name: str, chunks: int, corrupt: bool) -> None:
        self._revision += 1
        if name in self._model:
            self._model[name].latest = self._revision
        else:
            self._model[name] = Modelled("", self._revision, "user:ann@example.com")
        entry = self._model[name]
        entry.sizes[entry.latest] = chunks
        if corrupt:
            entry.corrupt.add(entry.latest)
        self._send(name)

    @something_is_there
    @rule(name=names)
    def send_the_same_bytes(self, name: str) -> None:
        if name in self._model:
            self._send(name)

    @something_is_there
    @rule(name=names, grant=st.sampled_from(GRANTS))
    def share(self, name: str, grant: str) -> None:
        if entry := self._model.get(name):
            self._documents.set_grants(entry.id, (grant,), self._people["ann"])
            entry.grant = grant

    @something_is_there
    @rule(name=names)
    def delete(self, name: str) -> None:
        if entry := self._model.pop(name, None):
            self._documents.delete(entry.id, self._people["ann"])

    @something_is_there
    @rule(name=names)
    def retry(self, name: str) -> None:
        if entry := self._model.get(name):
            given_up = self._job(name).state in ("failed", "quarantined")
            try:
                self._ever.append(self._documents.retry(entry.id, self._people["ann"]).row.job.id)
                assert given_up
            except ConflictError:
                assert not given_up

    # --- what happens to workers

    @something_is_there
    @rule()
    def work(self) -> None:
        self._round(self._shop)

    @rule(moment=MOMENTS, name=names, chunks=st.integers(1, 12))
    def a_worker_is_killed(self, moment: tuple[str, int], name: str, chunks: int) -> None:
        self.send_other_bytes(name, chunks, corrupt=False)
        with suppress(Killed):
            self._struck_round(Fate(*moment, dies))

    @rule(moment=MOMENTS, name=names, chunks=st.integers(1, 12), deleted=st.booleans())
    def a_worker_is_stopped_and_revived(self, moment: tuple[str, int], name: str, chunks: int, deleted: bool) -> None:
        def meanwhile() -> None:
            for running in [n for n in self._model if self._job(n).state == "running"]:
                if deleted:
                    self.delete(running)
                else:
                    self.send_other_bytes(running, 13 - chunks, corrupt=False)
            self.time_passes()
            self._round(self._shop)

        self.send_other_bytes(name, chunks, corrupt=False)
        self._struck_round(Fate(*moment, meanwhile))

    @precondition(lambda self: self._ever)
    @rule(number=st.integers(0, 999))
    def a_message_comes_again(self, number: int) -> None:
        # How many there are depends on threads: what is drawn must not, or no example could be repeated.
        self._shop.runner("messenger").run(self._ever[number % len(self._ever)])

    @something_is_there
    @rule()
    def time_passes(self) -> None:
        """Leases run out, waits are over, and unanswered messages are taken for lost."""
        self._shop.make_due()
        with self._shop.database.write() as session:
            session.execute(update(Job).values(rung_at=None))

    # --- what must hold

    @invariant()
    def readers_see_the_model(self) -> None:
        for name, entry in self._model.items():
            if self._job(name).state == "ready":
                assert entry.latest not in entry.corrupt
                entry.shown = entry.latest
        lagging = self._lagging()
        for who, principal in self._people.items():
            may = {n: e.shown for n, e in self._model.items() if e.shown and e.grant in HOLDS[who]}
            seen = self._seen(principal)
            # Access that is taken away is gone at once; what is given, once the index knows of it.
            assert seen.items() <= may.items(), (who, seen, may)
            assert may.keys() - lagging <= seen.keys(), (who, seen, may)

    def teardown(self) -> None:
        try:
            self._comes_to_rest()
        finally:
            self._world.end()

    def _comes_to_rest(self) -> None:
        """With nobody in the way everything ends, with a reason where it failed, and the index is exactly right."""
        for _ in range(ENOUGH_ROUNDS):
            self.time_passes()
            self._round(self._shop)
        self.readers_see_the_model()
        for name, entry in self._model.items():
            job = self._job(name)
            assert job.state == "ready" or (job.state in ("failed", "quarantined") and job.reason)
            assert (job.state == "failed") <= (entry.latest in entry.corrupt)
        rows = audit.rows(self._shop.database)
        assert list(audit.against_index(rows, audit.points(self._port) if self._ever else [])) == []

    # --- how

    def _send(self, name: str) -> None:
        entry = self._model[name]
        text = written(name, entry.latest, chunks=entry.sizes[entry.latest]).data.decode()
        text += " CORRUPT" * (entry.latest in entry.corrupt)
        blob = self._shop.blobs.put(text.encode())
        new = handbook(blob.sha256, size=blob.size, file_name=f"{name}.txt", external_id=name, title=None)
        change = self._documents.register(new, self._people["ann"])
        entry.id = change.row.document.id
        self._ever.append(change.row.job.id)

    def _round(self, shop: Workshop) -> None:
        """Ring for what the reconciler finds, and answer each bell."""
        for job_id in self._shop.queue.reconcile():
            shop.runner("worker").run(job_id)

    def _struck_round(self, fate: Fate) -> None:
        """A round of a worker process of its own, with that fate."""
        database = StruckDatabase(self._shop.database, fate)
        client = cast(QdrantClient, StruckClient(self._shop.client, fate))
        try:
            self._round(Workshop(database, self._shop.blobs, client, self._shop.owner))
        finally:
            database.dispose()

    def _job(self, name: str) -> Job:
        with self._shop.database.read() as session:
            row = self._documents.get(self._model[name].id, self._people["ann"])
            return session.get_one(Job, row.job.id)

    def _seen(self, principal: Principal) -> dict[str, int]:
        """Name to text of all that a search for all of them shows; each whole, once and of one version."""
        hits = self._retriever.retrieve(" ".join(NAMES), principal, top_k=100).hits
        assert len({(hit.document.document_id, hit.chunk.number) for hit in hits}) == len(hits)
        assert len({(hit.document.document_id, hit.document.version) for hit in hits}) == len(
            {hit.document.document_id for hit in hits}
        )
        markers = [read_back(hit.chunk.text) for hit in hits]
        shown: dict[str, set[int]] = {}
        for marker in markers:
            for name, revision in marker:
                shown.setdefault(name, set()).add(revision)
        assert all(len(revisions) == 1 for revisions in shown.values()), shown
        return {name: next(iter(revisions)) for name, revisions in shown.items()}

    def _lagging(self) -> set[str]:
        """Documents whose grants the index has still to be told of."""
        unfinished = (Job.kind == "metadata", Job.state.in_(("queued", "running")))
        with self._shop.database.read() as session:
            ids = set(session.scalars(select(Job.document_id).where(*unfinished)))
        return {name for name, entry in self._model.items() if entry.id in ids}


def machine(world: World) -> Any:
    """What Hypothesis calls for each example."""
    return lambda: IngestionMachine(world)
