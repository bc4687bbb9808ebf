"""One part after the other is taken away, for real, and comes back: what is accepted becomes ready, what cannot be done
says so. The long, seeded version of this is `make faults`.
"""

import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests import private_servers, system
from tests.integration.test_journeys import eventually
from tests.system import System, upload


@dataclass
class Outage:
    """A running assistant whose broker and index can be stopped and started again on their ports."""

    system: System
    stacks: dict[str, ExitStack] = field(default_factory=dict)
    starters: dict[str, Callable[[ExitStack], str]] = field(default_factory=dict)

    def stop(self, part: str) -> None:
        self.stacks[part].close()

    def start(self, part: str) -> None:
        self.starters[part](self.stacks[part])


@pytest.fixture(scope="module")
def outage(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Iterator[Outage]:
    folder = tmp_path_factory.mktemp("outage")
    data_dir = folder / "data"
    shutil.copytree(model_cache, data_dir / "models")
    ports = {"broker": private_servers.free_port(), "index": private_servers.free_port()}
    starters: dict[str, Callable[[ExitStack], str]] = {
        "broker": lambda stack: stack.enter_context(private_servers.valkey(folder / "valkey", port=ports["broker"])),
        "index": lambda stack: stack.enter_context(private_servers.index_server(folder / "index", port=ports["index"])),
    }
    with ExitStack() as broker, ExitStack() as index, ExitStack() as ours:
        broker_url, index_url = starters["broker"](broker), starters["index"](index)
        told = system.environment(data_dir, f"sqlite:///{data_dir / 'db.sqlite3'}", broker_url, index_url)
        started = system.start(ours, told, data_dir)
        yield Outage(started, {"broker": broker, "index": index}, starters)


def ready(outage: Outage, document_id: str) -> bool:
    return bool(outage.system.admin.get(f"/v1/documents/{document_id}").json()["state"] == "ready")


def test_without_a_broker_documents_are_accepted_and_wait_and_questions_go_on(outage: Outage) -> None:
    outage.system.send("before.txt", b"The lighthouse keeper is called Moira.", grants=["everyone"])
    outage.stop("broker")
    sent = upload(outage.system.admin, "during.txt", b"The harbour master is called Tobias.", grants=["everyone"])
    assert sent.status_code == 202
    answer = outage.system.admin.post("/v1/ask", json={"question": "What is the lighthouse keeper called?"}).json()
    assert "Moira" in answer["text"]
    readyz = outage.system.admin.get("/readyz")
    assert (readyz.status_code, readyz.json()["parts"]["broker"]) == (200, "down")
    outage.start("broker")
    eventually(lambda: ready(outage, sent.json()["id"]), seconds=90)


def test_without_an_index_searches_say_so_and_documents_wait_without_using_up_attempts(outage: Outage) -> None:
    outage.stop("index")
    search = outage.system.admin.post("/v1/search", json={"query": "harbour"})
    assert (search.status_code, search.json()["code"]) == (503, "index_unavailable")
    assert search.headers["retry-after"]
    assert outage.system.admin.get("/readyz").status_code == 503
    sent = upload(outage.system.admin, "index.txt", b"The ferry leaves at noon.", grants=["everyone"]).json()

    def postponed() -> bool:
        document = outage.system.admin.get(f"/v1/documents/{sent['id']}").json()
        return document["code"] == "index_unavailable" and document["next_attempt_at"] is not None

    eventually(postponed, seconds=60)
    outage.start("index")
    eventually(lambda: ready(outage, sent["id"]), seconds=120)


def test_a_worker_that_is_killed_in_the_middle_loses_nothing(outage: Outage) -> None:
    sent = [
        upload(outage.system.admin, f"{n}.txt", f"Paragraph {n} of the log.\n\n".encode() * 400).json()["id"]
        for n in range(3)
    ]
    worker = outage.system.processes["worker"]
    eventually(lambda: outage.system.admin.get(f"/v1/documents/{sent[0]}").json()["state"] != "queued")
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    with system.process("worker", outage.system.environment, outage.system.data_dir):
        for document in sent:
            eventually(lambda document=document: ready(outage, document), seconds=120)
