"""docs/examples/slack_bot.py as a process, between a running assistant and a local server in Slack's place."""

import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests import private_servers
from tests.integration.json_server import json_server
from tests.integration.talking import key_of
from tests.system import System

BOT = Path(__file__).parents[2] / "docs" / "examples" / "slack_bot.py"
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
QUESTION = "What is the code of the wine cellar?"
WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Slack:
    """The bot's address, what it posted to Slack, and where it was told to post."""

    url: str
    posted: "Queue[tuple[str, dict[str, str]]]"
    responses: str
    keys: Path

    def command(self, user: str, text: str, *, response_url: str | None = None, **signing: Any) -> httpx.Response:
        """A slash command, signed as Slack does, or as `signing` says."""
        form = {"user_id": user, "text": text, "response_url": response_url or f"{self.responses}commands/1"}
        return self.post(urlencode(form).encode(), **signing)

    def post(
        self, body: bytes, *, secret: str = SECRET, at: float | str | None = None, sent: bytes | None = None
    ) -> httpx.Response:
        """`body` is signed; `sent` is what goes out in its place."""
        stamp = str(int(time.time())) if at is None else str(at)
        signed = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
        headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={signed}"}
        return httpx.post(self.url, content=body if sent is None else sent, headers=headers, timeout=30.0)

    def answer(self) -> str:
        """The next message, which only its asker may see."""
        path, message = self.posted.get(timeout=WAIT_SECONDS)
        assert (path, message["response_type"]) == ("/commands/1", "ephemeral")
        return message["text"]


@pytest.fixture(scope="module")
def slack(assistant: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slack]:
    folder = tmp_path_factory.mktemp("slack")
    cellar = b"# Cellar\n\nThe code of the wine cellar is 1812 & <b>never</b> written down."
    assistant.send("cellar.md", cellar, title="Cellar", url="https://wiki.example/cellar", grants=["group:cellar"])
    people = {
        "U_STEWARD": key_of(assistant.person("steward@example.com", "cellar", scopes=["read"])),
        "U_GUEST": key_of(assistant.person("guest@example.com", scopes=["read"])),
        "U_GONE": "fn_0123456789abcdef_revoked",
    }
    keys = folder / "keys.json"
    keys.write_text(json.dumps(people))
    keys.chmod(0o600)
    posted: Queue[tuple[str, dict[str, str]]] = Queue()

    def respond(_method: str, path: str, _query: dict[str, str], body: Any) -> tuple[int, Any]:
        posted.put((path, body))
        return 200, {"ok": True}

    with json_server(respond) as responses:
        environment = os.environ | {
            "FOOTNOTE_URL": assistant.url,
            "SLACK_SIGNING_SECRET": SECRET,
            "SLACK_KEYS": str(keys),
            "SLACK_RESPONSES": f"{responses.url}/",
        }
        port = private_servers.free_port()
        bot = subprocess.Popen([sys.executable, str(BOT), str(port)], env=environment)
        try:
            url = f"http://127.0.0.1:{port}"
            private_servers.wait_until(lambda: _listens(url), process=bot)
            yield Slack(url, posted, f"{responses.url}/", keys)
        finally:
            private_servers.stop(bot)


def _listens(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 501
    except httpx.TransportError:
        return False


def test_an_answer_follows_the_acknowledgement_with_quotes_and_links(slack: Slack) -> None:
    acknowledged = slack.command("U_STEWARD", QUESTION)
    assert (acknowledged.status_code, acknowledged.json()["response_type"]) == (200, "ephemeral")
    assert QUESTION in acknowledged.json()["text"]
    answer = slack.answer()
    assert "1812 &amp; " in answer
    assert "[1] <https://wiki.example/cellar|Cellar>\n> " in answer
    assert "<b>" not in answer


def test_another_person_is_answered_with_their_own_key(slack: Slack) -> None:
    slack.command("U_GUEST", QUESTION)
    answer = slack.answer()
    assert answer.startswith("I found nothing that answers this")
    assert "1812" not in answer
    assert "Cellar" not in answer


def test_who_has_no_key_is_refused_and_nothing_is_asked(slack: Slack) -> None:
    refused = slack.command("U_STRANGER", QUESTION)
    assert refused.json()["text"].startswith("You have no key here")
    with pytest.raises(Empty):
        slack.posted.get(timeout=0.5)


def test_a_key_that_is_gone_is_told_so(slack: Slack) -> None:
    slack.command("U_GONE", QUESTION)
    assert slack.answer().startswith("No answer: This API key is unknown, expired or revoked.")


def test_what_slack_did_not_sign_now_is_refused(slack: Slack) -> None:
    command = urlencode({"user_id": "U_STEWARD", "text": QUESTION, "response_url": f"{slack.responses}commands/1"})
    other = command.replace("STEWARD", "GUEST").encode()
    for refused in (
        slack.post(command.encode(), secret="another"),
        slack.post(other, sent=command.encode()),
        slack.post(command.encode(), at=int(time.time()) - 301),
        # More than a moment beyond the window: the clock comes nearer to it until the bot looks.
        slack.post(command.encode(), at=int(time.time()) + 360),
        slack.post(command.encode(), at="1e9"),
        slack.post(command.encode(), at=""),
        httpx.post(slack.url, content=command.encode()),
    ):
        assert refused.status_code == 401
    assert slack.post(b"x" * 70_000).status_code == 413
    with pytest.raises(Empty):
        slack.posted.get(timeout=0.5)


def test_an_answer_is_sent_to_slack_alone(slack: Slack) -> None:
    with json_server(lambda *_: (200, {})) as elsewhere:
        refused = slack.command("U_STEWARD", QUESTION, response_url=f"{elsewhere.url}/commands/1")
        assert refused.json()["text"] == "The answer cannot be sent there."
        assert elsewhere.asked == []


def test_keys_that_others_may_read_are_not_used(slack: Slack) -> None:
    slack.keys.chmod(0o644)
    try:
        environment = os.environ | {"SLACK_SIGNING_SECRET": SECRET, "SLACK_KEYS": str(slack.keys)}
        bot = subprocess.run(
            [sys.executable, str(BOT), "0"], env=environment, capture_output=True, timeout=60, check=False
        )
    finally:
        slack.keys.chmod(0o600)
    assert bot.returncode == 1
    assert b"chmod 600" in bot.stderr
