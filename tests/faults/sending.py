"""Sends one document, waits for it, searches for it: the few calls that tests and the harness make by hand.

Knows nothing of faults.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import httpx

WAIT_SECONDS = 90.0
LOOK_SECONDS = 0.1


def send(asking: httpx.Client, name: str, data: bytes, **metadata: Any) -> httpx.Response:
    """POST one file under this name."""
    said = {"external_id": name, **metadata}
    return asking.post("/v1/documents", files={"file": (name, data)}, data={"metadata": json.dumps(said)})


def accepted(asking: httpx.Client, name: str, data: bytes, **metadata: Any) -> str:
    """POST one file that must be taken; its document's id."""
    answer = send(asking, name, data, **metadata)
    assert answer.status_code in (200, 202), answer.text
    return str(answer.json()["id"])


def settled(asking: httpx.Client, document_id: str, *, seconds: float = WAIT_SECONDS) -> dict[str, Any]:
    """The document once no work is left on it; answers that are none are asked for again."""
    document: dict[str, Any] = {}

    def done() -> bool:
        nonlocal document
        answer = asking.get(f"/v1/documents/{document_id}")
        document = answer.json() if answer.status_code == httpx.codes.OK else {"state": "running"}
        return document["state"] not in ("queued", "running")

    eventually(done, seconds=seconds)
    return document


def hits(asking: httpx.Client, query: str, *, top_k: int = 50) -> list[dict[str, Any]]:
    """What a search finds."""
    answer = asking.post("/v1/search", json={"query": query, "top_k": top_k})
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()["hits"]
    return found


def eventually(true: Callable[[], bool], *, seconds: float = WAIT_SECONDS) -> None:
    """Look until it is true; fails when the time is up."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not so after {seconds:.0f} s"
        time.sleep(LOOK_SECONDS)
