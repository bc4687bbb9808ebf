"""How fast documents become searchable, and what that costs: beside others, beside the bare model, beside the machine.

    python -m tests.bench --only Ingestion Growth [--documents 200] [--rounds 2] [--unchanged 1000] [--marks 1000 2000]

Real processes: API, worker, scheduler, Valkey and the embedded index server, as `footnote up` runs them. Every
contender gets the same files, model and index server, turn by turn, and medians are compared, so that whatever else the
machine does hits all alike. About 3 minutes on 2 quiet cores; marks of 20,000 and 100,000 take as long as they are.
"""

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from pathlib import Path
from statistics import median

from ingest.chunking import chunk
from ingest.client import Client
from ingest.commands.local_files import LocalFile
from ingest.commands.sending import Sender
from ingest.commands.waiting import wait_for
from ingest.parsing import parse
from ingest.pipeline import embedded_text
from retrieval.embedding import Embedder
from services.db.generations import CHUNK_TOKENS
from tests.bench import machine
from tests.bench.documents import ten_pages, tiny, two_hundred_tokens
from tests.bench.peers import LangChain, LlamaIndex
from tests.bench.running import MODEL, Running, running
from tests.bench.usage import processor_seconds

Figures = Iterator[tuple[str, str]]
LARGE_DOCUMENTS = 12
# What is measured before each mark, and what is sent at a time on the way there.
LAST, PORTION = 1000, 5000
# What the slower contenders get of the files: a rate needs no more.
PEER_SHARE = 3


@dataclass(frozen=True, slots=True)
class Sizes:
    """Documents a turn, and turns; unchanged files; at how many documents growth is looked at."""

    documents: int = 200
    rounds: int = 2
    unchanged: int = 1000
    marks: Sequence[int] = (1000, 2000)


def measure(sizes: Sizes | None = None) -> Figures:
    """(what, figure) for each figure, as it is known."""
    sizes = sizes or Sizes()
    with running() as (assistant, folder):
        files = two_hundred_tokens(folder / "small", sizes.documents)
        yield from _side_by_side(assistant, files, sizes.rounds)
        yield from _large(assistant, ten_pages(folder / "large", LARGE_DOCUMENTS))
        yield from machine.embedding_share(assistant.model, _texts(assistant.embedder, files))
        yield from _unchanged(assistant, tiny(folder / "unchanged", sizes.unchanged))


def growth(sizes: Sizes | None = None) -> Figures:
    """(what, figure) of what documents cost, and of the memory, at each of the marks."""
    with running() as (assistant, folder):
        yield from _growth(assistant, folder, (sizes or Sizes()).marks)


def _side_by_side(assistant: Running, files: Sequence[Path], rounds: int) -> Figures:
    peers: dict[str, LlamaIndex | LangChain] = {
        "LlamaIndex's IngestionPipeline": LlamaIndex(MODEL, assistant.index_url),
        "a LangChain loop": LangChain(MODEL, assistant.index_url),
    }
    some = files[: max(len(files) // PEER_SHARE, 10)]
    texts = _texts(assistant.embedder, files)
    rates: dict[str, list[float]] = defaultdict(list)
    for number in range(rounds):
        rates["ours"].append(_rate(files, partial(ingest, assistant.client, f"small-{number}", files)))
        rates["bare"].append(_rate(files, partial(assistant.embedder.embed_documents, texts)))
        for name, peer in peers.items():
            rates[name].append(_rate(some, partial(peer.ingest, some)))
    ours, bare = median(rates["ours"]), median(rates["bare"])
    tokens = sum(assistant.embedder.count_tokens(file.read_text(encoding="utf-8")) for file in files) / len(files)
    yield f"ingested over HTTP, documents of {tokens:.0f} tokens", f"{ours:.1f}/s"
    for name in peers:
        theirs = median(rates[name])
        yield f"the same by {name}", f"{theirs:.1f}/s, {ours / theirs:.1f} times slower"
    yield "share of the bare embedding rate, these documents", f"{ours / bare:.2f}"


def _large(assistant: Running, files: Sequence[Path]) -> Figures:
    texts = _texts(assistant.embedder, files)
    before = _rate(texts, partial(assistant.embedder.embed_documents, texts))
    ours = _rate(texts, partial(ingest, assistant.client, "large", files))
    after = _rate(texts, partial(assistant.embedder.embed_documents, texts))
    yield "ingested over HTTP, documents of ten pages", f"{ours:.1f} chunks/s"
    yield "share of the bare embedding rate, these documents", f"{ours / median([before, after]):.2f}"


def _unchanged(assistant: Running, files: Sequence[Path]) -> Figures:
    command = ("ingest", str(files[0].parent), "--data-source", "unchanged", "--grant", "everyone")
    assistant.footnote(*command)
    began = time.perf_counter()
    said = assistant.footnote(*command)
    yield f"footnote ingest again: {said}", f"{time.perf_counter() - began:.1f} s"


def _growth(assistant: Running, folder: Path, marks: Sequence[int]) -> Figures:
    """What the last documents before each mark cost, and memory there. Each is a sentence, and so one chunk."""
    ingest(assistant.client, "warm-up", tiny(folder / "warm-up", PORTION // 10))
    held = 0
    costs: list[float] = []
    memory: list[float] = []
    for mark in sorted(marks):
        measured = min(LAST, mark - held)
        for begin in range(held, mark - measured, PORTION):
            count = min(PORTION, mark - measured - begin)
            ingest(assistant.client, f"from {begin}", tiny(folder / f"{begin}", count))
        files = tiny(folder / f"before-{mark}", measured)
        used = processor_seconds(os.getpid())
        rate = _rate(files, partial(ingest, assistant.client, f"before {mark}", files))
        costs.append(1000 * (processor_seconds(os.getpid()) - used) / measured)
        resident = assistant.resident_mib()
        memory.append(sum(resident.values()))
        held = mark
        said = ", ".join(f"{name} {mib:.0f}" for name, mib in resident.items())
        yield f"{mark:,} documents of a sentence", f"{rate:.1f}/s, {costs[-1]:.1f} ms of processor each; MiB: {said}"
        if len(costs) > 1:
            against = f"{costs[-1] / costs[0]:.2f}, {memory[-1] / memory[0]:.2f}"
            yield f"cost and memory of API and worker there, against {min(marks):,}", against


def ingest(client: Client, data_source: str, files: Sequence[Path]) -> None:
    """Send and wait as `footnote ingest` does."""
    local = [LocalFile(file, file.name) for file in files]
    outcomes = list(wait_for(client, list(Sender(client, data_source, ["everyone"], {}).send(local))))
    for outcome in outcomes:
        if outcome.state != "ready":
            raise RuntimeError(f"{outcome.external_id}: {outcome.state}, {outcome.reason}")


def _texts(embedder: Embedder, files: Sequence[Path]) -> list[str]:
    """What is embedded for these files."""
    return [
        embedded_text(file.name, part)
        for file in files
        for part in chunk(parse(file, file.name), max_tokens=CHUNK_TOKENS, count_tokens=embedder.count_tokens)
    ]


def _rate(things: Sequence[object], run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return len(things) / (time.perf_counter() - began)


def add_sizes(parser: argparse.ArgumentParser) -> None:
    """The options from which `sizes_of` makes Sizes."""
    for name, value in asdict(Sizes()).items():
        parser.add_argument(f"--{name}", type=int, default=value, nargs="*" if name == "marks" else None)


def sizes_of(asked: argparse.Namespace) -> Sizes:
    """What was asked for."""
    return Sizes(**{field.name: getattr(asked, field.name) for field in fields(Sizes)})
