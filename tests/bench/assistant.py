"""`footnote up`, measured: start-up, ingestion, memory, search and answers. Real parts, documents of plain text."""

import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

import httpx

from ingest.client import Client
from ingest.commands.local_files import LocalFile
from ingest.commands.sending import Sender
from tests import private_servers
from tests.bench.usage import resident_mib

CHUNKS = 10_000
CHUNKS_PER_DOCUMENT = 25
QUERIES = 100
ASKED = 20
WORDS = (
    "travel expense policy meeting budget customer contract invoice server incident release database password laptop "
    "holiday payroll supplier warranty product sensor firmware calibration office training safety audit report"
).split()


def measure() -> list[tuple[str, str]]:
    """(what, figure) for each figure."""
    rows: list[tuple[str, str]] = []
    with tempfile.TemporaryDirectory(prefix="footnote-bench-") as scratch:
        data_dir, port = Path(scratch), private_servers.free_port()
        with _up(data_dir, port) as (seconds, _):
            rows.append(("first start to /readyz 200, model conversion included", f"{seconds:.1f} s"))
        with _up(data_dir, port) as (seconds, pid):
            rows.append(("warm start to /readyz 200", f"{seconds:.1f} s"))
            rows.append(("resident, empty, all processes", f"{resident_mib(pid):.0f} MiB"))
            with _client(data_dir) as client:
                rows += _ingestion(data_dir, client)
                rows.append((f"resident with {CHUNKS:,} chunks, all processes", f"{resident_mib(pid):.0f} MiB"))
                rows.append(("search p50 / p95", _search(client)))
                rows.append(("extractive answer p50 / p95", _answers(client)))
        with _up(data_dir, port) as (seconds, _), _client(data_dir) as client:
            rows.append((f"warm start with {CHUNKS:,} chunks", f"{seconds:.1f} s"))
            found = client.get("/v1/admin/status").json()["index"]["chunks"]
            rows.append(("chunks found again after the restart", f"{found:,}"))
    return rows


@contextmanager
def _up(data_dir: Path, port: int) -> Iterator[tuple[float, int]]:
    """Run `footnote up`; (seconds until it was ready, pid)."""
    command = [sys.executable, "-m", "services", "up", "--data-dir", str(data_dir), "--port", str(port)]
    began = time.perf_counter()
    with (data_dir / "bench.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}/readyz"
        private_servers.wait_until(lambda: private_servers.answers(url), process=process, seconds=180)
        yield time.perf_counter() - began, process.pid
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


def _client(data_dir: Path) -> httpx.Client:
    known = json.loads((data_dir / "cli.json").read_text())
    return httpx.Client(base_url=known["url"], headers={"Authorization": f"Bearer {known['key']}"}, timeout=120)


def _ingestion(data_dir: Path, client: httpx.Client) -> list[tuple[str, str]]:
    """Sent as `footnote ingest` does: small files together."""
    files = _files(data_dir / "bench")
    known = json.loads((data_dir / "cli.json").read_text())
    began = time.perf_counter()
    with Client(known["url"], known["key"]) as sending:
        for outcome in Sender(sending, "bench", ["everyone"], {}).send(files):
            if outcome.is_failure:
                raise RuntimeError(f"{outcome.external_id}: {outcome.reason}")
    accepted = time.perf_counter() - began
    while client.get("/v1/admin/status").json()["documents"]["ready"] < len(files):
        time.sleep(0.5)
    taken = time.perf_counter() - began
    chunks = client.get("/v1/admin/status").json()["index"]["chunks"]
    return [
        ("uploads accepted", f"{len(files) / accepted:.0f} documents/s"),
        (
            "ingested, upload to searchable",
            f"{chunks / taken:.1f} chunks/s ({chunks:,} chunks, {len(files)} documents)",
        ),
    ]


def _files(folder: Path) -> list[LocalFile]:
    random.seed(7)
    folder.mkdir()
    files = [LocalFile(folder / f"{number}.txt", f"{number}.txt") for number in range(CHUNKS // CHUNKS_PER_DOCUMENT)]
    for number, file in enumerate(files):
        text = "\n\n".join(_paragraph(number, part) for part in range(CHUNKS_PER_DOCUMENT))
        file.path.write_text(text, encoding="utf-8")
    return files


def _paragraph(document: int, part: int) -> str:
    """Some 150 word pieces: a chunk of its own."""
    sentences = [" ".join(random.choices(WORDS, k=11)).capitalize() + f" {document}-{part}-{n}." for n in range(9)]
    return f"Section {part} of report {document}\n\n" + " ".join(sentences)


def _search(client: httpx.Client) -> str:
    return percentiles(
        [_timed(client, "/v1/search", {"query": " ".join(random.choices(WORDS, k=5))}) for _ in range(QUERIES)]
    )


def _answers(client: httpx.Client) -> str:
    asked = [f"What does report {n} say about {random.choice(WORDS)}?" for n in range(ASKED)]
    return percentiles([_timed(client, "/v1/ask", {"question": question}) for question in asked])


def _timed(client: httpx.Client, path: str, body: dict[str, str]) -> float:
    began = time.perf_counter()
    client.post(path, json=body).raise_for_status()
    return 1000 * (time.perf_counter() - began)


def percentiles(times: Sequence[float]) -> str:
    """p50 and p95 of milliseconds."""
    return f"{median(times):.0f} / {quantiles(times, n=20)[18]:.0f} ms"
