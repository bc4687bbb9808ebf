"""Readers who search all the time, as insiders and outsiders, and have every response judged.

Knows nothing of what is going on behind the service.
"""

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx

from tests.faults.assistant import Assistant, client
from tests.faults.judge import Reading, judged
from tests.faults.ledger import Entry, Ledger

PAUSE_SECONDS = 0.01
TOP_K = 20
# How often a reader asks for one of the documents that changed last, where everything happens.
FRESH = 0.8
FRESHEST = 60


@dataclass
class Reader:
    """One reader with a key of their own."""

    assistant: Assistant
    ledger: Ledger
    key: str
    insider: bool
    seed: str
    stop: threading.Event = field(default_factory=threading.Event)
    reads: int = 0
    not_answered: Counter[str] = field(default_factory=Counter)
    took_ms: list[float] = field(default_factory=list)

    def run(self) -> None:
        """Search every ten milliseconds until `stop` is set."""
        draw = random.Random(self.seed)
        with client(self.assistant, self.key, timeout=30.0) as asking:
            while not self.stop.wait(PAUSE_SECONDS):
                if entry := self._chosen(draw):
                    self.read(asking, entry)

    def read(self, asking: httpx.Client, entry: Entry) -> bool:
        """Ask for one document; False where there was no answer."""
        began = time.monotonic()
        try:
            response = asking.post("/v1/search", json={"query": entry.name, "top_k": TOP_K})
        except httpx.HTTPError as error:
            self.not_answered[type(error).__name__] += 1
            time.sleep(0.1)
            return False
        ended = time.monotonic()
        if response.status_code != httpx.codes.OK:
            self._refused(response)
            return False
        self.reads += 1
        self.took_ms.append(1000 * (ended - began))
        judged(self.ledger, Reading(entry, self.insider, began, ended, response.json()["hits"]))
        return True

    def _refused(self, response: httpx.Response) -> None:
        code = response.json().get("code", "") if "json" in response.headers.get("content-type", "") else ""
        self.not_answered[f"{response.status_code} {code}"] += 1
        if response.status_code == httpx.codes.INTERNAL_SERVER_ERROR:
            self.ledger.report("internal", f"search: {response.text[:200]}")
        time.sleep(0.1)

    def _chosen(self, draw: random.Random) -> Entry | None:
        with self.ledger.lock:
            if not self.ledger.changed:
                return None
            recent = list(self.ledger.changed)[-FRESHEST:]
        return draw.choice(recent) if draw.random() < FRESH else draw.choice(list(self.ledger.each()))
