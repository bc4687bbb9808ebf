"""Whether the image has in it what the processes need, as the user it runs as. What they do is tested without it."""

import io
import time
from pathlib import Path

import pytest
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from tests.image.conftest import USER, Started
from tests.system import upload

CORPUS = Path(__file__).parents[1] / "corpus"


def settled(started: Started, name: str, data: bytes) -> dict[str, object]:
    """The document once it is ready or has failed."""
    sent = upload(started.admin, name, data, grants=["everyone"])
    assert sent.status_code == 202, sent.text
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        document: dict[str, object] = started.admin.get(f"/v1/documents/{sent.json()['id']}").json()
        if document["state"] in ("ready", "failed"):
            return document
        time.sleep(0.2)
    raise AssertionError(f"still {document['state']}: {document}")


def test_it_runs_as_a_user_without_rights_and_has_its_programs(started: Started) -> None:
    assert started.image.run("id", "-u").strip() == str(USER)
    assert started.image.run("git", "--version").startswith("git version")
    assert {"eng", "deu"} <= set(started.image.run("tesseract", "--list-langs").split())


def test_an_answer_from_a_document_cites_it(started: Started) -> None:
    policy = next(CORPUS.rglob("travel-and-expenses-policy.md"))
    document = settled(started, policy.name, policy.read_bytes())
    assert document["state"] == "ready", document
    asked = {"question": "Within how many days must an expense claim be submitted?"}
    answer = started.admin.post("/v1/ask", json=asked).json()
    assert answer["outcome"] == "answered"
    citations = [citation for sentence in answer["sentences"] for citation in sentence["citations"]]
    assert {source["external_id"] for source in answer["sources"]} == {policy.name}
    text = started.admin.get(f"/v1/documents/{document['id']}/text").json()["text"]
    assert [text[citation["start"] : citation["end"]] for citation in citations] == [c["quote"] for c in citations]
    assert citations


@pytest.mark.parametrize("name", ["picture.png", "scan.pdf"])
def test_pictures_of_text_are_read(started: Started, name: str) -> None:
    page = Picture.new("L", (1200, 300), 255)
    said = "The cafeteria opens at eleven."
    ImageDraw.Draw(page).text((40, 100), said, fill=0, font=ImageFont.load_default(48))
    page.save(data := io.BytesIO(), format="PDF" if name.endswith("pdf") else "PNG")
    document = settled(started, name, data.getvalue())
    assert document["state"] == "ready", document
    assert said in started.admin.get(f"/v1/documents/{document['id']}/text").json()["text"]


def test_the_web_app_is_in_it(started: Started) -> None:
    page = started.admin.get("/")
    assert page.headers["content-type"].startswith("text/html")
    script = page.text.partition('src="')[2].partition('"')[0]
    assert started.admin.get(script).status_code == 200
