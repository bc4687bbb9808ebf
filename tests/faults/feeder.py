"""Registers documents, updates, shares and deletes them and sends them twice, in an order made by a seed.

An answer that is no answer (503, 429, a cut connection) is tried again with the same bytes until it is one: what the
service accepted then is what it must keep. Knows nothing of faults.
"""

import json
import math
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx

from tests.faults.assistant import Assistant, client
from tests.faults.ledger import EVERYONE, INSIDERS, Entry, Granted, Ledger
from tests.faults.words import name_of, written

# Of a hundred operations: new documents, new versions, grants, deletions, the same bytes again.
OPERATIONS = {"register": 62, "update": 20, "grant": 7, "delete": 4, "send_again": 7}
# Chunks a document: most are small, some go through several batches of the pipeline.
SIZES = {1: 80, 2: 11, 5: 7, 20: 1.7, 90: 0.3}
GIVE_UP_SECONDS = 180.0
WORTH_ANOTHER_TRY = frozenset({408, 425, 429, 500, 502, 503, 504})


class Feeder:
    """Sends until `documents` are registered, never with more than `backlog` versions waiting, nor while `ahead`."""

    def __init__(
        self,
        assistant: Assistant,
        ledger: Ledger,
        *,
        seed: int,
        documents: int,
        backlog: int,
        waiting: Callable[[], int],
        ahead: Callable[[], bool],
    ) -> None:
        self._ledger = ledger
        self._seed = seed
        self._documents = documents
        self._backlog = backlog
        self._waiting = waiting
        self._ahead = ahead
        self._draw = random.Random(f"feeder/{seed}")
        self._client = client(assistant)
        self._live: list[Entry] = []
        self.stop = threading.Event()
        self.registered = 0

    def run(self) -> None:
        """Send everything."""
        with self._client:
            while self.registered < self._documents and not self.stop.is_set():
                (operation,) = self._draw.choices(list(OPERATIONS), list(OPERATIONS.values()))
                if operation == "register" or not self._live:
                    self.register()
                else:
                    getattr(self, operation)(self._draw.choice(self._live[-400:]))
                self._hold_back()

    def register(self) -> None:
        """A new document."""
        (chunks,) = self._draw.choices(list(SIZES), list(SIZES.values()))
        entry = Entry(name_of(self.registered, self._seed), chunks)
        grant = self._draw.choice((EVERYONE, EVERYONE, INSIDERS))
        entry.grants.append(Granted(grant, time.monotonic(), time.monotonic()))
        self._ledger.add(entry)
        self.registered += 1
        self._send(entry, 1, grants=[grant])
        if entry.accepted:
            self._live.append(entry)

    def update(self, entry: Entry) -> None:
        """A new version, longer or shorter."""
        entry.chunks = max(1, entry.chunks + self._draw.choice((-1, 0, 1)))
        self._send(entry, entry.sent + 1)

    def send_again(self, entry: Entry) -> None:
        """The same bytes as last time."""
        self._send(entry, entry.sent)

    def grant(self, entry: Entry) -> None:
        """Other readers."""
        grant = INSIDERS if entry.grants[-1].grant == EVERYONE else EVERYONE
        sent = time.monotonic()
        with self._ledger.lock:
            entry.grants.append(Granted(grant, sent, math.inf))
        if self._answer("PUT", f"/v1/documents/{entry.id}/grants", json={"grants": [grant]}) is not None:
            with self._ledger.lock:
                entry.grants[-1] = Granted(grant, sent, time.monotonic())

    def delete(self, entry: Entry) -> None:
        """Gone, for good."""
        self._live.remove(entry)
        entry.delete_sent = time.monotonic()
        answer = self._answer("DELETE", f"/v1/documents/{entry.id}", also=(404,))
        if answer is not None:  # 404: an earlier try had been applied
            entry.deleted = time.monotonic()

    def _send(self, entry: Entry, revision: int, **metadata: Any) -> None:
        text = written(entry.name, revision, chunks=entry.chunks)
        self._ledger.sending(entry, text)
        said = {"external_id": f"{entry.name}.txt", **metadata}
        answer = self._answer(
            "POST",
            "/v1/documents",
            files={"file": (f"{entry.name}.txt", text.data)},
            data={"metadata": json.dumps(said)},
        )
        if answer is not None:
            self._ledger.accepted(entry, answer.json()["id"], revision)

    def _answer(self, method: str, path: str, *, also: tuple[int, ...] = (), **body: Any) -> httpx.Response | None:
        """The definite answer; None where there was none to be had, which is counted."""
        deadline = time.monotonic() + GIVE_UP_SECONDS
        pause = 0.1
        while time.monotonic() < deadline and not self.stop.is_set():
            try:
                response = self._client.request(method, path, **body)
            except httpx.HTTPError as error:
                self._ledger.counts[f"feeder: {type(error).__name__}"] += 1
            else:
                if response.is_success or response.status_code in also:
                    self._ledger.counts[f"feeder: {response.status_code}"] += 1
                    return response
                code = response.json().get("code", "") if "json" in response.headers.get("content-type", "") else ""
                self._ledger.counts[f"feeder: {response.status_code} {code}"] += 1
                if response.status_code == httpx.codes.INTERNAL_SERVER_ERROR:
                    self._ledger.report("internal", f"{method} {path}: {response.text[:200]}")
                if response.status_code not in WORTH_ANOTHER_TRY:
                    self._ledger.report("refused", f"{method} {path}: {response.status_code} {response.text[:200]}")
                    return None
            time.sleep(pause)
            pause = min(2 * pause, 2.0)
        self._ledger.report("refused", f"{method} {path} had no answer in {GIVE_UP_SECONDS:.0f} s")
        return None

    def _hold_back(self) -> None:
        """Wait while the service has more to do than it was meant to have, or the faults lag behind."""
        while not self.stop.is_set() and (self._waiting() > self._backlog or self._ahead()):
            time.sleep(0.05)
