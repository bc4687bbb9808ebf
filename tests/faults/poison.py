"""How much of their throughput ordinary documents keep beside hostile files (R6), while nothing else goes on.

Knows nothing of faults: it is measured before the first of them.
"""

import tempfile
import time
from pathlib import Path

import httpx

from tests.corpus.hostile.build import build
from tests.faults.assistant import Assistant, client
from tests.faults.sending import accepted, settled
from tests.faults.words import name_of, written

ORDINARY, CHUNKS = 120, 5
HOSTILE = 40
# A file that is large is slow by its size; here it is about those that are slow by malice.
SMALL = 50_000


def share_kept(assistant: Assistant) -> float:
    """Documents a second beside hostile files, as a share of documents a second without; 1.0 is all of it."""
    with client(assistant) as admin, tempfile.TemporaryDirectory() as folder:
        _seconds(admin, "warm", [])
        alone = _seconds(admin, "alone", [])
        files = sorted(path for path in build(Path(folder)).values() if 0 < path.stat().st_size < SMALL)
        beside = _seconds(admin, "beside", [files[n % len(files)] for n in range(HOSTILE)])
    return alone / beside


def _seconds(admin: httpx.Client, run: str, hostile: list[Path]) -> float:
    """How long the ordinary documents take, from the first upload until the last is ready."""
    began = time.monotonic()
    sent: list[str] = []
    for number in range(ORDINARY):
        if hostile and number % (ORDINARY // HOSTILE) == 0:
            path = hostile[number // (ORDINARY // HOSTILE)]
            accepted(admin, f"poison/{number}/{path.name}", path.read_bytes())
        text = written(name_of(90_000 + number, len(run)), 1, chunks=CHUNKS)
        sent.append(accepted(admin, f"{run}/{number}.txt", text.data))
    for document in sent:
        settled(admin, document)
    return time.monotonic() - began
