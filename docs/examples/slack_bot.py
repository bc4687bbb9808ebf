"""A Slack slash command that answers from Footnote, as the person who asks. Needs Footnote's client and httpx.

    FOOTNOTE_URL=http://127.0.0.1:8000 SLACK_SIGNING_SECRET=... SLACK_KEYS=keys.json python slack_bot.py 3000

A bot with a key of its own would show everybody what that key may read. So `keys.json`, which only its owner may read
(chmod 600), names each person's own key by their Slack user id, {"U024BE7LH": "fn_..."}; make them with
`footnote keys create --user ann@example.com --scope read`. Who is not in it is told so. It is read again for every
question, and the answer is shown to its asker alone. Put a proxy with TLS in front: Slack calls https addresses only.
"""

import hashlib
import hmac
import json
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import httpx

from ingest.client import Client
from retrieval.errors import FootnoteError
from retrieval.types import Answer, Source

MAX_BODY = 64 * 1024
# Slack's own advice: an older request may be somebody's copy of one.
WINDOW_SECONDS = 300

FOOTNOTE_URL = os.environ.get("FOOTNOTE_URL", "http://127.0.0.1:8000")  # noqa: TID251
SECRET = os.environ["SLACK_SIGNING_SECRET"]  # noqa: TID251
KEYS = Path(os.environ["SLACK_KEYS"])  # noqa: TID251
# Answers go nowhere else, whatever a request says.
SLACK = os.environ.get("SLACK_RESPONSES", "https://hooks.slack.com/")  # noqa: TID251
ANSWERING = ThreadPoolExecutor(max_workers=8)


def is_from_slack(timestamp: str, signature: str, body: bytes) -> bool:
    """Whether Slack signed exactly these bytes within the last minutes."""
    if not re.fullmatch("[0-9]{1,12}", timestamp) or abs(time.time() - int(timestamp)) > WINDOW_SECONDS:
        return False
    signed = hmac.new(SECRET.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"v0={signed}".encode(), signature.encode())


def answer(question: str, key: str, response_url: str) -> None:
    """Ask as the holder of `key` and post what came of it."""
    try:
        with Client(FOOTNOTE_URL, key) as client:
            text = message(client.ask(question))
    except FootnoteError as error:
        text = f"No answer: {escaped(error.message)}"
    try:
        httpx.post(response_url, json=private(text), timeout=10.0).raise_for_status()
    except httpx.HTTPError as error:
        sys.stderr.write(f"Slack did not take an answer: {type(error).__name__}\n")


def message(made: Answer) -> str:
    """The answer with its citations, in Slack's markup."""
    if made.refusal is not None:
        closest = "".join(f"\n• {title(source)}" for source in made.refusal.closest)
        return "I found nothing that answers this among the documents that you may read." + (
            f" The closest passages are in:{closest}" if closest else ""
        )
    quotes: dict[int, list[str]] = {}
    for citation in (citation for sentence in made.sentences for citation in sentence.citations):
        quotes.setdefault(citation.source, []).append(f"\n> {escaped(' '.join(citation.quote.split()))}")
    notes = [
        f"[{source.number}] {title(source)}{''.join(dict.fromkeys(quotes[source.number]))}"
        for source in made.sources
        if source.number in quotes
    ]
    return "\n\n".join((escaped(made.text), *notes))


def title(source: Source) -> str:
    """A source's title, as a link where it has an address."""
    name = escaped(" ".join(source.title.split()))
    return f"<{escaped(source.url)}|{name}>" if source.url and not set(source.url) & set("|<> ") else name


def escaped(text: str) -> str:
    """What is no markup: a document's words mention nobody and link nowhere."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def private(text: str) -> dict[str, str]:
    """A message that only its asker sees: it holds what this one person may read."""
    return {"response_type": "ephemeral", "text": text}


def acknowledged(form: dict[str, str]) -> dict[str, str]:
    """What Slack is told at once, within its 3 seconds; the answer follows when it is there."""
    key = json.loads(KEYS.read_text()).get(form.get("user_id", ""))
    question, response_url = form.get("text", "").strip(), form.get("response_url", "")
    if key is None:
        return private("You have no key here: ask whoever runs this for one of your own.")
    if not question:
        return private("Ask a question, for example: How many days of leave do I have?")
    if not response_url.startswith(SLACK):
        return private("The answer cannot be sent there.")
    ANSWERING.submit(answer, question, key, response_url)
    return private(f"Looking it up: {escaped(question)}")


class Handler(BaseHTTPRequestHandler):
    """Takes slash commands."""

    timeout = 10

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,6}", length) or int(length) > MAX_BODY:
            self.send_error(413)
            return
        body = self.rfile.read(int(length))
        timestamp, signature = (self.headers.get(f"X-Slack-{name}", "") for name in ("Request-Timestamp", "Signature"))
        if not is_from_slack(timestamp, signature, body):
            self.send_error(401)
            return
        form = {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}
        said = json.dumps(acknowledged(form)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a line would name who asked."""


if __name__ == "__main__":
    if KEYS.stat().st_mode & 0o077:
        sys.exit(f"{KEYS} may be read by others: chmod 600 {KEYS}")
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
