"""`footnote reindex` on the whole assistant, in both sizes: built beside, switched, gone back, killed, aborted.

The tests of a size run in their order on one assistant, as an operator would use it.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from services.db.generations import Generations, Holdings
from services.db.models import Generation, GenerationMember
from tests import system
from tests.system import System
from tests.tiny_model import make_tiny_model

DOCUMENTS = 24
PARAGRAPHS = 16
SENTENCE = "The {name} procedure says in step {step} that the {name} crew checks valve {step} before anything else. "


def text_of(name: str) -> bytes:
    """A document whose every passage carries its own word, in more passages than one slice has room for."""
    paragraphs = [SENTENCE.format(name=name, step=step) * 3 for step in range(PARAGRAPHS)]
    return "\n\n".join([f"Procedure {name}", *paragraphs]).encode()


def word(number: int) -> str:
    return f"quorvex{number:03d}"


@dataclass
class Installation:
    """The running assistant with its documents: word -> id."""

    parts: System
    outsider: httpx.Client
    tiny: Path
    documents: dict[str, str] = field(default_factory=dict)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "services", "reindex", *arguments]

    def reindex(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        environment = {**self.parts.environment, "PYTHONFAULTHANDLER": "1"}
        command = self.command(*arguments, "--json")
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                said, told = process.communicate(timeout=300)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGABRT)  # it says where it stands
                said, told = process.communicate()
        assert process.returncode == code, told + said
        return dict(json.loads(said)) if said else {"error": told}

    def found(self, name: str, client: httpx.Client | None = None) -> set[tuple[str, int]]:
        """(document, version) of the hits that carry the word."""
        body = {"query": f"{name} procedure", "top_k": 20}
        answer = (client or self.parts.admin).post("/v1/search", json=body)
        assert answer.status_code == 200, answer.text
        return {(hit["document_id"], hit["version"]) for hit in answer.json()["hits"] if name in hit["text"]}

    def collections(self) -> list[str]:
        listed = httpx.get(f"{self.parts.environment['FOOTNOTE_INDEX_URL']}/collections").json()
        return sorted(found["name"] for found in listed["result"]["collections"])

    def alias(self) -> str:
        listed = httpx.get(f"{self.parts.environment['FOOTNOTE_INDEX_URL']}/aliases").json()["result"]["aliases"]
        return {entry["alias_name"]: str(entry["collection_name"]) for entry in listed}["chunks"]

    def holdings(self) -> list[Holdings]:
        return [row for row in Generations(self.parts.database).holdings()[0] if row.generation.state != "dropped"]

    def active(self) -> int:
        return Generations(self.parts.database).current().generation.number

    def done(self) -> int:
        """Chunks that unfinished generations hold for certain."""
        with self.parts.database.read() as session:
            unfinished = Generation.state.in_(("building", "built"))
            query = select(func.coalesce(func.sum(GenerationMember.chunks_done), 0))
            return session.scalar(query.join(Generation).where(unfinished)) or 0

    @contextmanager
    def building(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """The command as a process, stopped (SIGSTOP) when the first slice is through."""
        process = subprocess.Popen(
            self.command(*arguments), env=dict(self.parts.environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            deadline = time.monotonic() + 90
            while self.done() == 0:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.01)
            # SQLite's lock is the process's own: stopped with it, this one would keep everybody else from writing.
            with self.parts.database.write():
                process.send_signal(signal.SIGSTOP)
                os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)  # until it is
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.communicate()


@dataclass
class Reader:
    """Searches for every word in turn, and writes down what a reader must never see."""

    installation: Installation
    expected: dict[str, str]
    faults: list[str] = field(default_factory=list)
    searches: int = 0

    def __enter__(self) -> "Reader":
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _read(self) -> None:
        with httpx.Client(
            base_url=self.installation.parts.url, headers=self.installation.parts.admin.headers, timeout=60.0
        ) as client:
            while not self._stop.is_set():
                for name, document in self.expected.items():
                    self.searches += 1
                    try:
                        found = self.installation.found(name, client)
                    except (AssertionError, httpx.HTTPError) as error:
                        self.faults.append(f"{name}: {error}")
                        continue
                    if {identifier for identifier, _ in found} != {document} or len(found) != 1:
                        self.faults.append(f"{name}: {found}, expected {document}")


@pytest.fixture(scope="module", params=system.SIZES)
def installation(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, model_cache: Path
) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("reindex")
    with system.running(request.param, folder, model_cache) as parts:
        made = Installation(parts, parts.person("out@example.com"), make_tiny_model(folder / "tiny"))
        for number in range(DOCUMENTS):
            name = word(number)
            grants = ["group:crew"] if number == 0 else ["everyone"]
            grants.append("user:root@example.com")
            sent = system.upload(parts.admin, f"{name}.txt", text_of(name), grants=grants)
            made.documents[name] = sent.json()["id"]
        for identifier in made.documents.values():
            assert parts.settled(identifier)["state"] == "ready"
        yield made


def test_a_model_that_reads_less_than_a_passage_is_refused_and_leaves_nothing_behind(
    installation: Installation,
) -> None:
    refused = installation.reindex("--embedding-model", str(installation.tiny), code=1)
    assert "reads 128 tokens at a time: choose --chunk-tokens 96" in refused["error"]
    assert [row.generation.state for row in installation.holdings()] == ["active"]
    assert installation.collections() == ["chunks-1"]


def test_readers_see_every_document_once_while_a_generation_is_built_and_switched_to(
    installation: Installation, tmp_path: Path
) -> None:
    questions = tmp_path / "questions.jsonl"
    lines = [
        {"question": f"What does the {word(n)} crew check?", "expected_documents": [f"{word(n)}.txt"]} for n in (1, 2)
    ]
    questions.write_text("".join(json.dumps(line) + "\n" for line in lines))
    before = installation.active()
    steady = {word(n): installation.documents[word(n)] for n in range(5, 12)}
    with Reader(installation, steady) as reader:
        outcome = installation.reindex("--chunk-tokens", "60", "--questions", str(questions))
        switched_after = reader.searches
        deadline = time.monotonic() + 30
        while reader.searches < switched_after + 2 * len(steady) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert reader.faults == []
    assert switched_after > 0
    assert outcome["switched"]
    assert outcome["previous"] == before
    assert outcome["documents"] == DOCUMENTS
    assert outcome["scores"]["before"]["ndcg_at_10"] == outcome["scores"]["after"]["ndcg_at_10"] == 1.0
    assert outcome["scores"]["worse"] is False
    assert installation.alias() == f"chunks-{outcome['generation']}"
    shown = installation.parts.admin.get(f"/v1/documents/{installation.documents[word(5)]}").json()["chunks"]
    assert shown * DOCUMENTS == outcome["chunks_embedded"]


def test_what_changes_while_a_generation_is_built_is_right_in_it(installation: Installation) -> None:
    parts, documents = installation.parts, installation.documents
    with installation.building("--embedding-model", str(installation.tiny), "--chunk-tokens", "60") as process:
        by_id = sorted(documents.keys() - {word(0)}, key=lambda name: documents[name])  # its grants stay as they are
        first, second, third = by_id[0], by_id[1], by_id[2]  # in the new generation already
        last, before_last = by_id[-1], by_id[-2]  # not yet
        for name in (first, last):
            parts.send(f"{name}.txt", text_of(f"{name} renewed"))
        for name in (second, before_last):
            assert parts.admin.delete(f"/v1/documents/{documents.pop(name)}").status_code == 204
        granted = {"grants": ["user:root@example.com", "user:out@example.com"]}
        assert parts.admin.put(f"/v1/documents/{documents[third]}/grants", json=granted).status_code == 200
        fresh = parts.send("fresh.txt", text_of("freshnel"), grants=["everyone", "user:root@example.com"])
        documents["freshnel"] = fresh["id"]
        with Reader(installation, {name: documents[name] for name in by_id[5:10]}) as reader:
            process.send_signal(signal.SIGCONT)
            _, told = process.communicate(timeout=120)
            wait_for_generation(installation)
    assert process.returncode == 0, told
    assert reader.faults == []
    assert reader.searches > 0
    for name in (first, last):
        assert installation.found(f"{name} renewed") == {(documents[name], 2)}
    for name in (second, before_last):
        assert installation.found(name) == set()
    assert installation.found("freshnel") == {(fresh["id"], 1)}
    assert installation.found(third, installation.outsider) == {(documents[third], 1)}
    assert installation.found("freshnel", installation.outsider) == {(fresh["id"], 1)}
    assert installation.found(word(0), installation.outsider) == set()


def test_a_rollback_brings_the_old_generation_back_with_what_came_in_since(installation: Installation) -> None:
    parts, documents = installation.parts, installation.documents
    newest = installation.active()
    since = parts.send("since.txt", text_of("sincerol"), grants=["everyone", "user:root@example.com"])
    gone = next(name for name in documents if name not in (word(0), "freshnel") and documents[name])
    assert parts.admin.delete(f"/v1/documents/{documents.pop(gone)}").status_code == 204
    steady = {word(n): documents[word(n)] for n in range(16, 22) if word(n) in documents}
    with Reader(installation, steady) as reader:
        outcome = installation.reindex("--rollback")
        wait_for_generation(installation)
    assert reader.faults == []
    assert outcome["switched"]
    assert outcome["generation"] < newest
    # the newest document alone was missing in it
    assert 0 < outcome["chunks_embedded"] <= 2 * PARAGRAPHS
    documents["sincerol"] = since["id"]
    assert installation.found("sincerol") == {(since["id"], 1)}
    assert installation.found(gone) == set()
    assert installation.found(word(0), installation.outsider) == set()
    assert installation.alias() == f"chunks-{outcome['generation']}"


def test_a_killed_reindex_goes_on_where_it_was(installation: Installation) -> None:
    arguments = ("--embedding-model", str(installation.tiny), "--chunk-tokens", "80", "--no-switch")
    with installation.building(*arguments) as process:
        process.kill()
        process.wait()
        held = installation.done()
    assert held > 0
    with installation.parts.database.write() as session:  # 20 s pass: test_generations.py waits for a lease to run out
        session.execute(update(Generation).where(Generation.lease_owner.is_not(None)).values(lease_until=None))
    outcome = installation.reindex(*arguments)
    assert not outcome["switched"]
    assert held + outcome["chunks_embedded"] == installation.done()
    built = [row.documents for row in installation.holdings() if row.generation.state == "built"]
    assert built == [len(installation.documents)]


def test_other_options_are_refused_while_a_generation_is_unfinished(installation: Installation) -> None:
    refused = installation.reindex("--chunk-tokens", "90", code=1)
    assert "unfinished" in refused["error"]
    assert "--abort" in refused["error"]


def test_an_abort_leaves_nothing_behind(installation: Installation) -> None:
    (built,) = [row.generation.number for row in installation.holdings() if row.generation.state == "built"]
    assert f"chunks-{built}" in installation.collections()
    assert installation.reindex("--abort") == {"dropped": [built]}
    assert f"chunks-{built}" not in installation.collections()
    assert built not in [row["generation"] for row in installation.reindex("--status")["generations"]]
    with installation.parts.database.read() as session:
        assert session.scalar(select(func.count()).where(GenerationMember.generation == built)) == 0


def test_two_at_once_are_refused_and_an_abort_ends_the_other(installation: Installation) -> None:
    arguments = ("--embedding-model", str(installation.tiny), "--chunk-tokens", "70")
    with installation.building(*arguments) as process:
        (working,) = [row.generation for row in installation.holdings() if row.generation.lease_owner]
        stopped = threading.Event()

        def beat() -> None:  # the process is held back; this is its heartbeat
            while not stopped.wait(1.0):
                Generations(installation.parts.database).renew(working.number, working.lease_owner or "")

        alive = threading.Thread(target=beat)
        alive.start()
        try:
            refused = installation.reindex(*arguments, code=1)
        finally:
            stopped.set()
            alive.join()
        assert "Another reindex is at work" in refused["error"]
        assert installation.reindex("--abort") == {"dropped": [working.number]}
        process.send_signal(signal.SIGCONT)
        _, told = process.communicate(timeout=120)
    assert process.returncode == 1
    assert b"aborted, or taken over" in told
    assert f"chunks-{working.number}" not in installation.collections()


def wait_for_generation(installation: Installation, seconds: float = 30.0) -> None:
    """Until the API reads the active generation: a document made ready in it is found."""
    name = f"probe{time.monotonic_ns()}"
    sent = installation.parts.send(f"{name}.txt", text_of(name), grants=["user:root@example.com"])
    deadline = time.monotonic() + seconds
    while not installation.found(name):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert installation.parts.admin.delete(f"/v1/documents/{sent['id']}").status_code == 204
