"""How soon the update of a ten-page document is found by a search, while nothing else goes on (R7).

Knows nothing of faults: it is measured before the first of them.
"""

import time

from tests.faults.assistant import Assistant, client
from tests.faults.ledger import Ledger
from tests.faults.sending import accepted, hits
from tests.faults.words import name_of, read_back, written

# Ten pages of 400 words.
CHUNKS = 24
LOOK_SECONDS = 0.02
WARM_UP = 2
GIVE_UP_SECONDS = 60.0


def fresh(assistant: Assistant, ledger: Ledger, *, times: int) -> list[float]:
    """Seconds from each update's sending until it is found; the first ones warm the processes up and do not count."""
    name = name_of(99_999, 0)
    taken: list[float] = []
    with client(assistant) as admin:
        for revision in range(1, WARM_UP + times + 1):
            text = written(name, revision, chunks=CHUNKS)
            began = time.monotonic()
            accepted(admin, f"{name}.txt", text.data)
            while not any((name, revision) in read_back(hit["text"]) for hit in hits(admin, name, top_k=5)):
                if time.monotonic() - began > GIVE_UP_SECONDS:
                    ledger.report("stale", f"an update was not found after {GIVE_UP_SECONDS:.0f} s")
                    return [*taken, GIVE_UP_SECONDS]
                time.sleep(LOOK_SECONDS)
            taken.append(time.monotonic() - began)
    return taken[WARM_UP:]
