"""The web app's files: what is there, what is the app's own address, and what is neither."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.api import web_files


@pytest.fixture
def browser(tmp_path: Path) -> TestClient:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "app.js").write_text("go()")
    (tmp_path / "index.html").write_text("the app")
    app = FastAPI()
    web_files.serve(app, tmp_path)
    return TestClient(app, raise_server_exceptions=False)


def test_files_are_served_and_the_app_for_every_address_of_its_own(browser: TestClient) -> None:
    assert browser.get("/assets/app.js").text == "go()"
    assert browser.get("/documents/12").text == "the app"


@pytest.mark.parametrize("path", ["/x%00", "/assets/%00", "/assets/app.js%00", "/assets/none.js", "/v1/none"])
def test_what_is_neither_is_not_found(browser: TestClient, path: str) -> None:
    assert browser.get(path).status_code == 404


def test_nothing_outside_the_folder_is_served(browser: TestClient, tmp_path: Path) -> None:
    (tmp_path.parent / "secret.txt").write_text("secret")
    assert browser.get("/%2e%2e/secret.txt").text == "the app"
    assert browser.get("/assets/%2e%2e/%2e%2e/secret.txt").status_code == 404


def test_pages_and_files_are_only_read(browser: TestClient) -> None:
    for path in ("/assets/app.js", "/documents/12"):
        assert browser.head(path).headers["content-length"] == browser.get(path).headers["content-length"]
        assert browser.post(path).status_code == 405
    for path in ("/x%00", "/v1", "/v1/none"):
        assert browser.post(path).status_code == 404
