"""The index loses its data, an older copy of it is put back, or a disk garbles it, while everything else runs on: the
scheduler notices and mends it by itself, and the auditor is content.
"""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ingest.audit_stream import AuditReport
from ingest.client import Client
from retrieval.errors import FootnoteError
from services.bootstrap import CLI_FILE
from tests import private_servers, system
from tests.integration.index_process import IndexProcess
from tests.system import PRODUCTION, SIZES, System

PATIENCE_S = 120.0
QUESTION = "What is the lighthouse keeper called?"


@dataclass
class Losing:
    """A running assistant, and its index, which can be killed and started again on its port."""

    system: System
    index: IndexProcess
    port: int

    def restart(self, stack: ExitStack) -> None:
        again = IndexProcess(self.index.data_dir, "--port", str(self.port))
        self.index = stack.enter_context(again)

    def verify(self) -> AuditReport | None:
        key = json.loads((self.system.data_dir / CLI_FILE).read_text())["key"]
        try:
            with Client(self.system.url, key) as client:
                report = list(client.verify())[-1]
        except FootnoteError:
            return None
        return report if isinstance(report, AuditReport) else None

    def clean_by_itself(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while (report := self.verify()) is None or not report.clean or report.in_flight:
            assert time.monotonic() < deadline, report
            time.sleep(1)

    def answer(self) -> dict[str, Any]:
        """Asked again after a 503, as every client does: parts that just came back may be slow on a busy machine."""
        deadline = time.monotonic() + PATIENCE_S
        while (response := self.system.admin.post("/v1/ask", json={"question": QUESTION})).status_code == 503:
            assert time.monotonic() < deadline, response.text
            time.sleep(1)
        assert response.status_code == 200, response.text
        return dict(response.json())


@pytest.fixture(scope="module", params=SIZES)
def losing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, model_cache: Path
) -> Iterator[Losing]:
    folder, port = tmp_path_factory.mktemp("losing"), private_servers.free_port()
    data_dir = folder / "data"
    shutil.copytree(model_cache, data_dir / "models")
    with ExitStack() as stack:
        if request.param == PRODUCTION:
            database = stack.enter_context(private_servers.postgres())
            broker = stack.enter_context(private_servers.redis(folder / "redis"))
        else:
            database = f"sqlite:///{data_dir / 'db.sqlite3'}"
            broker = stack.enter_context(private_servers.valkey(folder / "valkey"))
        index = stack.enter_context(IndexProcess(folder / "index", "--port", str(port)))
        started = system.start(stack, system.environment(data_dir, database, broker, index.url), data_dir)
        yield Losing(started, index, port)


def test_an_older_copy_nothing_at_all_and_garbled_passages_are_mended_without_anybody(losing: Losing) -> None:
    admin = losing.system.admin
    documents = {
        name: losing.system.send(name, text, grants=["everyone"])["id"]
        for name, text in {
            "keeper.txt": b"The lighthouse keeper is called Tobias.",
            "harbour.txt": b"The harbour opens at six.",
            "pilot.txt": b"The pilot boards at the outer buoy.",
        }.items()
    }
    index, copy = losing.index, losing.index.data_dir.with_name("copy")
    index.stop()
    shutil.copytree(index.data_dir, copy)
    with ExitStack() as stack:
        losing.restart(stack)
        losing.system.send("keeper.txt", b"The lighthouse keeper is called Moira.", grants=["everyone"])
        admin.delete(f"/v1/documents/{documents['harbour.txt']}")
        admin.put(f"/v1/documents/{documents['pilot.txt']}/grants", json={"grants": ["group:pilots"]})
        losing.clean_by_itself()
        losing.index.kill()
    shutil.rmtree(index.data_dir)
    copy.rename(index.data_dir)
    with ExitStack() as stack:
        losing.restart(stack)
        losing.clean_by_itself()
        assert "Moira" in losing.answer()["text"]
        losing.index.kill()
    shutil.rmtree(index.data_dir)
    with ExitStack() as stack:
        losing.restart(stack)
        losing.clean_by_itself()
        assert "Moira" in losing.answer()["text"]
        pilot = losing.system.person("pilot@example.com", "pilots")
        found = pilot.post("/v1/search", json={"query": "where does the pilot board"})
        assert found.status_code == 200, found.text
        hits = found.json()["hits"]
        assert documents["pilot.txt"] in {hit["document_id"] for hit in hits}
        losing.index.stop()  # flushed
    garble(index.data_dir)
    with ExitStack() as stack:
        losing.restart(stack)
        assert admin.post("/v1/search", json={"query": QUESTION}).status_code == 503
        losing.clean_by_itself()
        assert "Moira" in losing.answer()["text"]
        assert list((index.data_dir / "damaged").iterdir())


def garble(data_dir: Path) -> None:
    """All payloads: the index opens, and every search fails."""
    for page in data_dir.rglob("payload_storage/page_0.dat"):
        written = page.read_bytes()
        end = len(written.rstrip(b"\0"))
        page.write_bytes(bytes(byte ^ 0x5A for byte in written[:end]) + written[end:])
