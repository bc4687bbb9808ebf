"""`footnote backup` and `footnote restore` with real processes: taken while documents are ingested, put back into a
fresh installation of the other size, and audited. What cannot be restored is refused before anything is changed.
"""

import json
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingest.audit_stream import AuditReport
from ingest.client import Client
from retrieval.errors import IndexUnavailableError
from retrieval.index import ChunkIndex, StoredPoint
from services.auditing.auditor import Auditor
from services.auditing.findings import Report
from services.auditing.repair import Mender
from services.auditing.verification import Verification
from services.backup.archive import checked
from services.backup.points import unpacked
from services.backup.restoring import put_back, read
from services.backup.taking import take
from services.bootstrap import CLI_FILE
from services.db.audit import AuditRegistry
from services.db.repairs import Repairs
from services.worker.jobs import JobRunner
from tests import private_servers, system
from tests.integration.workshop import Workshop
from tests.system import ONE_MACHINE, PRODUCTION, SIZES, System, upload

QUESTION = "What is the lighthouse keeper called?"
LONG = "".join(f"Entry {n} of the log says that buoy {n} was seen at {n % 24} o'clock.\n\n" for n in range(40))


@dataclass(frozen=True)
class Backup:
    """A backup, and what was there when it was taken, in an installation of which size."""

    file: Path
    size: str
    printed: dict[str, Any]
    hr_document: str
    hr_key: str
    alive: list[str]


def footnote(environment: dict[str, str], *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "services", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module", params=SIZES)
def backup(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, model_cache: Path
) -> Iterator[Backup]:
    folder = tmp_path_factory.mktemp("origin")
    with system.running(request.param, folder, model_cache) as origin:
        yield taken(origin, folder / "monday.tar", request.param)


def taken(origin: System, file: Path, size: str) -> Backup:
    origin.send("keeper.txt", b"The lighthouse keeper is called Moira.", grants=["everyone"])
    secret = origin.send("pay.txt", b"The bonus pool is called Albatross.", grants=["group:hr"])
    gone = origin.send("gone.txt", b"Nobody needs this.", grants=["everyone"])
    origin.admin.delete(f"/v1/documents/{gone['id']}")
    hr = origin.person("hr@example.com", "hr")
    origin.person("sales@example.com", "sales")
    hr.post("/v1/ask", json={"question": QUESTION})
    stop = threading.Event()
    busy = threading.Thread(target=keep_busy, args=(origin, stop))
    busy.start()
    try:
        time.sleep(3)
        printed = json.loads(footnote(dict(origin.environment), "backup", str(file), "--json").stdout)
    finally:
        stop.set()
        busy.join()
    unfinished = [job for job in rows(file, "jobs") if job["state"] in ("queued", "running")]
    assert {job["kind"] for job in unfinished} & {"ingest"}, "only then it was taken while ingesting"
    alive = [document["id"] for document in rows(file, "documents") if document["deleted_at"] is None]
    return Backup(file, size, printed, secret["id"], hr.headers["Authorization"], alive)


def keep_busy(origin: System, stop: threading.Event) -> None:
    """New documents and new versions of them, faster than they are ingested."""
    number = 0
    while not stop.is_set():
        number += 1
        upload(origin.admin, f"log-{number % 20}.txt", f"Log {number}.\n\n{LONG}".encode(), grants=["everyone"])


def rows(file: Path, table: str) -> list[dict[str, Any]]:
    members = checked(file, lambda *_: None).members(f"registry/{table}/")
    return [row for _, data in members for row in unpacked(data)]


@pytest.fixture
def fresh(tmp_path: Path, model_cache: Path) -> Iterator[Any]:
    """Starts servers of a size, for an installation that has never run: its environment."""
    with ExitStack() as stack:

        def servers(size: str) -> dict[str, str]:
            data_dir = tmp_path / "data"
            shutil.copytree(model_cache, data_dir / "models")
            if size == PRODUCTION:
                database = stack.enter_context(private_servers.postgres())
                broker = stack.enter_context(private_servers.redis(tmp_path / "redis"))
            else:
                database = f"sqlite:///{data_dir / 'db.sqlite3'}"
                broker = stack.enter_context(private_servers.valkey(tmp_path / "valkey"))
            index = stack.enter_context(private_servers.index_server(tmp_path / "index"))
            return system.environment(data_dir, database, broker, index)

        yield servers


def verified(restored: System, *, repair: bool = False) -> AuditReport:
    key = json.loads((restored.data_dir / CLI_FILE).read_text())["key"]
    with Client(restored.url, key) as client:
        report = list(client.verify(repair=repair))[-1]
    assert isinstance(report, AuditReport)
    return report


def test_a_backup_taken_while_ingesting_restores_to_what_the_auditor_calls_clean(backup: Backup, fresh: Any) -> None:
    environment = fresh(next((size for size in SIZES if size != backup.size), backup.size))
    restored = json.loads(footnote(environment, "restore", str(backup.file), "--json").stdout)
    assert restored["clean"], restored
    assert restored["backup"]["points"] == backup.printed["points"] > 0
    with ExitStack() as stack:
        again = system.start(stack, environment, Path(environment["FOOTNOTE_DATA_DIR"]))
        for document in backup.alive:  # what was unfinished is finished now
            assert again.settled(document)["state"] == "ready"
        assert verified(again).clean
        hr = stack.enter_context(
            httpx.Client(base_url=again.url, headers={"Authorization": backup.hr_key}, timeout=60.0)
        )
        assert "Moira" in hr.post("/v1/ask", json={"question": QUESTION}).json()["text"]
        assert hr.get(f"/v1/documents/{backup.hr_document}/text").json()["text"].startswith("The bonus pool")
        chats = hr.get("/v1/conversations").json()["items"]
        assert len(chats) == 2  # the one before the backup, and this one
        for chat in chats:
            answer = hr.get(f"/v1/conversations/{chat['id']}/messages").json()["items"][1]["answer"]
            assert hr.get(f"/v1/answers/{answer['id']}/explain").json()["hits"]
        sales = again.person("sales@example.com", "sales")
        assert sales.get(f"/v1/documents/{backup.hr_document}/text").status_code == 404
        hits = sales.post("/v1/search", json={"query": "the bonus pool"}).json()["hits"]
        assert backup.hr_document not in {hit["document_id"] for hit in hits}
        footnote(environment, "restore", str(backup.file), code=1)  # it is not empty any more


def test_a_damaged_backup_changes_nothing(tmp_path: Path, fresh: Any, backup: Backup) -> None:
    environment = fresh(ONE_MACHINE)
    whole = backup.file.read_bytes()
    damaged = tmp_path / "damaged.tar"
    with tarfile.open(backup.file) as tar:
        at = next(member.offset_data for member in tar if member.name.startswith("blobs/"))
    for data in (whole[: len(whole) // 2], whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]):
        damaged.write_bytes(data)
        refused = footnote(environment, "restore", str(damaged), code=1)
        assert "damaged" in refused.stderr
    data_dir = Path(environment["FOOTNOTE_DATA_DIR"])
    assert [path.name for path in data_dir.iterdir()] == ["models"]


class FillingUp(ChunkIndex):
    """An index whose disk is full once the first points are in."""

    def write(self, points: Sequence[StoredPoint]) -> None:
        super().write(points)
        raise IndexUnavailableError("The disk is full.")


def test_a_restore_in_place_of_what_is_here_that_breaks_off_loses_nothing_of_it(shop: Workshop, tmp_path: Path) -> None:
    """The live index is dropped before the backup's points are in: the registry, which comes last, and the originals
    make it again, as the scheduler does by itself where a collection lacks chunks.
    """
    runner, file = shop.runner(), tmp_path / "monday.tar"
    before = shop.send("keeper.txt", "The lighthouse keeper is called Tobias.")
    runner.run(before)
    take(file, database=shop.database, blobs=shop.blobs, collection=shop.engines.collection, release="1", told=quiet)
    after = [shop.send("keeper.txt", "The lighthouse keeper is called Moira."), shop.send("b.txt", "It opens at six.")]
    for job in after:
        runner.run(job)
    held = [shop.held(job) for job in after]
    with pytest.raises(IndexUnavailableError):
        put_back(
            read(file, quiet),
            database=shop.database,
            blobs=shop.blobs,
            collection=lambda number: FillingUp(shop.client, generation=number),
            replace=True,
            told=quiet,
        )
    assert shop.index.total() == shop.held(before) > 0
    report = mended_by_itself(shop, runner)
    assert (report.clean, report.lost) == (True, [])
    assert [shop.held(job) for job in after] == held


def quiet(*_: object) -> None:
    pass


def mended_by_itself(shop: Workshop, runner: JobRunner) -> Report:
    """What the scheduler does about an index that lost its points, cautiously."""

    def ring(job_ids: list[str]) -> None:
        for job_id in job_ids:
            runner.run(job_id)

    registry = AuditRegistry(shop.database)
    auditor = Auditor(registry=registry, blobs=shop.blobs, index=shop.engines.index)
    verification = Verification(
        auditor=auditor,
        registry=registry,
        mender=lambda cautious: Mender(
            registry=registry,
            repairs=Repairs(shop.database),
            blobs=shop.blobs,
            index=shop.engines.index,
            ring=ring,
            cautious=cautious,
        ),
        prepare=quiet,
    )
    report = list(verification.repair(cautious=True, originals=False))[-1]
    assert isinstance(report, Report)
    return report
