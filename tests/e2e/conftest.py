"""The whole assistant by `footnote up`, and a real Chromium looking at it."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, TimeoutError, sync_playwright

from tests import private_servers

CHROMIUM = os.environ.get("FOOTNOTE_TEST_CHROMIUM", "/usr/bin/chromium")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run"]  # fmt: skip
SHOTS = Path(__file__).parents[2] / "test-results"


@dataclass(frozen=True)
class Up:
    """A running `footnote up`."""

    url: str
    environment: dict[str, str]

    def footnote(self, *arguments: str) -> str:
        """Run another verb on the same data directory; its standard output."""
        command = [sys.executable, "-m", "services", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def running(tmp_path_factory: pytest.TempPathFactory, model_cache: Path, **settings: str) -> Iterator[Up]:
    """`footnote up` on a data directory of its own, until Ctrl-C."""
    data_dir, port = tmp_path_factory.mktemp("up"), private_servers.free_port()
    shutil.copytree(model_cache, data_dir / "models")
    environment = {
        **os.environ,
        "FOOTNOTE_DATA_DIR": str(data_dir),
        "FOOTNOTE_PORT": str(port),
        "FOOTNOTE_CONNECTOR_FOLDERS": str(tmp_path_factory.getbasetemp()),
        **settings,
    }
    command = [sys.executable, "-m", "services", "up"]
    with (data_dir / "up-output.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        private_servers.wait_until(lambda: private_servers.answers(f"{url}/readyz"), process=process, seconds=120)
        yield Up(url, environment)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0, "Ctrl-C stops everything cleanly"


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Iterator[Up]:
    with running(tmp_path_factory, model_cache) as started:
        yield started


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser, up: Up) -> Iterator[Page]:
    """A signed-in administrator's page; anything in its console, or a request to elsewhere, fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "request", lambda request: None if request.url.startswith((up.url, "data:")) else complaints.append(request.url)
    )
    opened.goto(up.footnote("sign-in").strip())
    try:
        opened.get_by_test_id("composer").wait_for(timeout=60_000)  # other tests may keep the machine busy
    except TimeoutError as error:
        seen = opened.inner_text("body")
        raise AssertionError(f"Not signed in at {opened.url}: {seen!r}, console {complaints}") from error
    # Before signing in, /v1/me says 401, which Chromium notes in the console.
    complaints.clear()
    yield opened
    context.close()
    assert complaints == []
