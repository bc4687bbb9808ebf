"""What the tests of data sources ask a running assistant for, and an assistant that may read below one folder."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from services.db.models import Job
from tests import system
from tests.system import System

SECRET = "correct-horse-battery-staple"


@contextmanager
def reading(size: str, roots: Path, folder: Path, model_cache: Path) -> Iterator[System]:
    """An assistant whose data sources may read below `roots`, and which knows one secret."""
    settings = {"FOOTNOTE_CONNECTOR_FOLDERS": str(roots), "FOOTNOTE_SOURCE_WEB_TOKEN": SECRET}
    with system.running(size, folder, model_cache, **settings) as started:
        yield started


def until(what: Callable[[], Any], *, seconds: float = 90.0, every: float = 0.1) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(every)
    raise AssertionError("it did not come about in time")


def add(assistant: System, name: str, folder: Path, **more: Any) -> dict[str, Any]:
    body = {"name": name, "connector": "folder", "options": {"path": str(folder)}, "every_s": None}
    made = assistant.admin.post("/v1/data-sources", json={**body, "grants": ["everyone"], **more})
    assert made.status_code == 201, made.text
    return dict(made.json())


def setup(assistant: System, name: str) -> dict[str, Any]:
    shown = assistant.admin.get(f"/v1/data-sources/{name}")
    assert shown.status_code == 200, shown.text
    return dict(shown.json()["setup"])


def ended(assistant: System, name: str, number: int = 1, *, settled: bool = True) -> dict[str, Any]:
    """The sync of this number, or a later one, once it is over and, where asked, its documents are `settled`."""

    def over() -> dict[str, Any] | None:
        sync = setup(assistant, name)["sync"]
        return sync if sync and sync["number"] >= number and sync["outcome"] else None

    sync = until(over)
    if settled:
        until(lambda: not unfinished(assistant, name))
    return dict(sync)


def synced(assistant: System, name: str, *, confirm: bool = False, settled: bool = True) -> dict[str, Any]:
    asked = assistant.admin.post(f"/v1/data-sources/{name}/sync", json={"confirm": confirm})
    assert asked.status_code == 202, asked.text
    return ended(assistant, name, asked.json()["number"], settled=settled)


def unfinished(assistant: System, name: str) -> bool:
    states = [one["state"] for one in documents(assistant, name).values()]
    return "queued" in states or "running" in states


def documents(assistant: System, name: str) -> dict[str, dict[str, Any]]:
    found = assistant.admin.get("/v1/documents", params={"data_source": name, "limit": 200}).json()["items"]
    return {one["external_id"]: one for one in found}


def ingested(assistant: System) -> int:
    with assistant.database.read() as session:
        return session.scalar(select(func.count()).select_from(Job).where(Job.kind == "ingest")) or 0
