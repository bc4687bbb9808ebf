"""Syncs against a small model: whatever happens at the source and to the process, the registry ends as the source is.

A hypothesis state machine adds, changes, moves, drops and breaks things, takes the source away, kills a sync after some
fetches, and syncs with and without somebody's word. On SQLite: the rules are the same on both databases, and
`test_syncs.py` runs them on both.
"""

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from retrieval.sparse import RECIPE
from services.db.database import Database
from services.db.generations import CHUNK_TOKENS, Generations
from services.db.migrate import migrate
from tests.integration.scripted_source import KilledError
from tests.integration.test_registry import ANN, someone
from tests.integration.test_syncs import Scene

NAMES = st.sampled_from(["a", "b", "c", "d/e", "d/f", "g"])
TEXTS = st.sampled_from(["one", "two", "three"])


class Syncing(RuleBasedStateMachine):
    """The model: `ever` is what each name ever said, `steady` the names untouched since the last whole sync, with their
    documents then."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="footnote-syncs-"))
        self.database = Database(f"sqlite:///{self.folder / 'db.sqlite3'}")
        migrate(self.database)
        Generations(self.database).first(embedding_model="words", chunk_tokens=CHUNK_TOKENS, recipe=RECIPE)
        self.scene = Scene(self.database, self.folder, someone(self.database, ANN))
        self.scene.add()
        self.source = self.scene.source
        self.ever: dict[str, set[str]] = {}
        self.steady: dict[str, str] = {}
        self.allowed = 0

    def teardown(self) -> None:
        self.database.dispose()
        shutil.rmtree(self.folder)

    @initialize(whole=st.booleans(), batch=st.sampled_from([1, 2, 5]))
    def begin(self, whole: bool, batch: int) -> None:
        self.source.whole, self.source.batch = whole, batch

    @rule(name=NAMES, text=TEXTS)
    def put(self, name: str, text: str) -> None:
        self.source.put(name, text)
        self.ever.setdefault(name, set()).add(text)
        self.steady.pop(name, None)
        self.allowed += 1

    @rule(name=NAMES)
    def drop(self, name: str) -> None:
        if name in self.source.things:
            self.source.drop(name)
            self.steady.pop(name, None)

    @rule(name=NAMES, to=NAMES)
    def move(self, name: str, to: str) -> None:
        if name in self.source.things and name != to:
            self.source.move(name, to)
            self.ever.setdefault(to, set()).add(self.source.things[to].data.decode())
            self.steady.pop(name, None)
            self.steady.pop(to, None)
            self.allowed += 1

    @rule(broken=st.sets(NAMES, max_size=2))
    def break_some(self, broken: set[str]) -> None:
        self.source.broken = broken

    @precondition(lambda self: self.source.things)
    @rule()
    def source_is_down(self) -> None:
        before = self.scene.there()
        self.source.down_after = 0
        row = self.scene.sync()
        self.source.down_after = None
        assert row.source.outcome == "failed"
        assert self.scene.there().keys() == before.keys()

    @rule(after=st.integers(0, 4))
    def sync_is_killed(self, after: int) -> None:
        self.source.kill_after = len(self.source.fetched) + after
        lease = self.scene.claim()
        try:
            self.scene.run(lease)
        except KilledError:
            self.scene.expire()
        self.source.kill_after = None
        self.scene.work()

    @rule(confirm=st.booleans())
    def sync(self, confirm: bool) -> None:
        row = self.scene.sync(confirm=confirm)
        texts = self.scene.texts()
        wanted = {name: thing.data.decode() for name, thing in self.source.things.items()}
        failing = {item.item.external_id for item in self.scene.sources.items("wiki", failed=True, after=None, limit=9)}
        assert failing <= self.source.broken
        assert {n: texts.get(n) for n in wanted if n not in failing} == {
            n: text for n, text in wanted.items() if n not in failing
        }
        left = texts.keys() - wanted.keys()
        assert row.source.outcome == ("needs_confirmation" if left else "partly" if failing else "done")
        assert not (confirm and left)
        assert row.source.unconfirmed == len(left)
        self.steady = {name: document.id for name, document in self.scene.there().items() if name in wanted}

    @rule()
    def sync_twice(self) -> None:
        self.source.broken = set()
        self.sync(confirm=True)
        fetched, jobs = len(self.source.fetched), self.scene.jobs("ingest")
        self.sync(confirm=False)
        assert (len(self.source.fetched), self.scene.jobs("ingest")) == (fetched, jobs)

    @invariant()
    def nothing_is_made_up_and_what_stays_keeps_its_document(self) -> None:
        for name, text in self.scene.texts().items():
            assert text in self.ever[name]
        there = self.scene.there()
        assert {name: there[name].id for name in self.steady if name in there} == self.steady

    @invariant()
    def nothing_is_parsed_more_often_than_it_came(self) -> None:
        assert self.scene.jobs("ingest") <= self.allowed


TestSyncing = Syncing.TestCase
TestSyncing.settings = settings(
    max_examples=8,
    stateful_step_count=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
