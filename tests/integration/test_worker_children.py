"""Celery's children come back: a slow start is waited for, and one that cannot be built is replaced. A real broker."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.queue import RUN_JOB, celery_app
from tests import private_servers


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with private_servers.valkey(tmp_path_factory.mktemp("broker")) as url:
        yield url


@contextmanager
def worker(broker_url: str, file: Path, how: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.integration.worker_children", broker_url, str(file), how]
    started = subprocess.Popen(command)
    try:
        yield started
    finally:
        private_servers.stop(started)


def said(file: Path, what: str) -> list[int]:
    """Pids of those who said it."""
    lines = file.read_text().splitlines() if file.exists() else []
    return [int(line.split()[-1]) for line in lines if line.startswith(what)]


def test_a_child_in_the_place_of_another_may_take_its_time_to_start(broker: str, tmp_path: Path) -> None:
    file = tmp_path / "said"
    with worker(broker, file, "slow") as process:
        private_servers.wait_until(lambda: len(said(file, "up")) == 1, process=process)
        os.kill(said(file, "up")[0], signal.SIGKILL)
        celery_app(broker).send_task(RUN_JOB, args=["after-the-kill"])
        private_servers.wait_until(lambda: bool(said(file, "ran after-the-kill")), process=process)
    assert len(said(file, "begun")) == 2


def test_a_child_that_cannot_be_built_is_replaced(broker: str, tmp_path: Path) -> None:
    file = tmp_path / "said"
    with worker(broker, file, "broken") as process:
        celery_app(broker).send_task(RUN_JOB, args=["in-the-end"])
        private_servers.wait_until(lambda: bool(said(file, "ran in-the-end")), process=process)
    assert len(said(file, "begun")) == 2
    assert len(said(file, "up")) == 1
