"""deploy/Caddyfile as it stands, under a real Caddy before a real system: what it keeps out, lets through and logs.

Only ports and the address of the API are other ones than in production: `before` says which lines.
"""

import http.client
import json
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from services.api.event_stream import QUIET_SECONDS
from tests import private_servers, system
from tests.identity_provider import identity_provider
from tests.integration.test_journeys import POLICY, eventually
from tests.integration.test_single_sign_on import CALLBACK
from tests.integration.test_single_sign_on import SETTINGS as SIGN_IN
from tests.private_servers import Caddy
from tests.scripted_model import Hangs, Says, ScriptedModel, Waits, scripted_model
from tests.system import System, upload

pytestmark = pytest.mark.skipif(not private_servers.has_caddy(), reason="Caddy's wheel is for Linux on x86-64")

CADDYFILE = Path(__file__).parents[2] / "deploy" / "Caddyfile"
# What compose.yaml tells it: the size belongs to FOOTNOTE_MAX_UPLOAD_MB=1, the wait to a busy machine's start.
SAID = {"FOOTNOTE_DOMAIN": "localhost", "PROXY_MAX_BODY": "9MiB", "PROXY_WAIT": "120s"}
HASTY = SAID | {"PROXY_MAX_BODY": "64KiB", "PROXY_WAIT": "300ms"}
# Every address that begins with 127 is this machine's. The proxy's own is 127.0.0.1.
READER = ("127.0.0.3", 0)
QUESTION = "How many days a week may I work remotely?"
SENTENCES = [
    "Employees may work remotely up to three days a week [1].",
    "The team agrees on the days [1].",
    "A chair is paid for once, up to 250 euros [1].",
]
# A sentence has ended for the API once the next one begins.
PIECES = (f"{SENTENCES[0]} The ", "team agrees on the days [1]. A ", "chair is paid for once, up to 250 euros [1].")
KIB = 1024
# Well before the API would notice by itself, when it next says that it is still there.
AT_ONCE = QUIET_SECONDS - 5.0


def before(api_port: int, *, http_port: int, https_port: int) -> str:
    """The file for these ports."""
    text = CADDYFILE.read_text()
    ports = f"\tadmin off\n\thttp_port {http_port}\n\thttps_port {https_port}\n\tskip_install_trust\n"
    replaced = {"\tadmin off\n": ports, "\t\tdynamic a api 8000 {\n": f"\t\tdynamic a 127.0.0.1 {api_port} {{\n"}
    for line, instead in replaced.items():
        assert text.count(line) == 1, line
        text = text.replace(line, instead)
    return text


@dataclass(frozen=True)
class Proxied:
    """A system that has the proxy before it, and a second one that waits shortly and takes little."""

    system: System
    model: ScriptedModel
    proxy: Caddy
    hasty: Caddy

    def reader(self, proxy: Caddy | None = None) -> httpx.Client:
        """An administrator's client on the outside."""
        proxy = proxy or self.proxy
        transport = httpx.HTTPTransport(verify=proxy.tls, local_address=READER[0])
        headers = {"Authorization": self.system.admin.headers["authorization"]}
        made = httpx.Client(base_url=proxy.url, transport=transport, headers=headers, timeout=150.0)
        return self.system.stack.enter_context(made)


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Iterator[Proxied]:
    folder, port = tmp_path_factory.mktemp("proxied"), private_servers.free_port()
    with scripted_model() as model, identity_provider() as idp, ExitStack() as stack:
        settings = SIGN_IN | {
            "FOOTNOTE_OIDC_ISSUER": idp.issuer,
            "FOOTNOTE_LLM_URL": model.url,
            "FOOTNOTE_LLM_MODEL": "llama-3.1",
            "FOOTNOTE_LLM_TOKEN_SECONDS": "60",  # or a model that hangs is freed by that
            "FOOTNOTE_MAX_UPLOAD_MB": "1",
            "FOOTNOTE_TRUSTED_PROXIES": "127.0.0.1",
            "FOOTNOTE_PUBLIC_URL": f"https://localhost:{port}",
        }
        started = stack.enter_context(system.running(system.ONE_MACHINE, folder, model_cache, **settings))
        document = started.send("remote.md", POLICY, title="Remote work policy", grants=["everyone"])
        assert document["state"] == "ready"

        def proxy(name: str, https_port: int, said: dict[str, str]) -> Caddy:
            free = private_servers.free_port()
            text = before(int(started.environment["FOOTNOTE_PORT"]), http_port=free, https_port=https_port)
            return stack.enter_context(private_servers.caddy(folder / name, text, port=https_port, **said))

        hasty = proxy("hasty", private_servers.free_port(), HASTY)
        yield Proxied(started, model, proxy("proxy", port, SAID), hasty)


def test_the_file_as_it_stands_is_valid(tmp_path: Path) -> None:
    environment = {name: str(tmp_path) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")} | SAID
    command = [str(private_servers.CADDY), "validate", "--adapter", "caddyfile", "--config", str(CADDYFILE)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert '"level":"warn"' not in done.stderr


def test_what_is_for_the_inside_is_not_for_the_world(proxied: Proxied) -> None:
    reader = proxied.reader()
    for path in ("/metrics", "/readyz", "/metrics?a=b", "/%6detrics", "/METRICS"):
        assert reader.get(path).status_code == 404, path
        assert proxied.system.admin.get(path.lower()).status_code == 200, path
    alive = reader.get("/healthz")
    assert (alive.status_code, alive.headers["strict-transport-security"]) == (200, "max-age=31536000")


def test_an_upload_arrives_whole_and_the_api_itself_says_what_is_too_large(proxied: Proxied) -> None:
    data = bytes(range(256)) * 4 * 1000
    sent = upload(proxied.reader(), "whole.txt", data)
    assert sent.status_code == 202, sent.text
    assert proxied.reader().get(f"/v1/documents/{sent.json()['id']}/file").content == data
    refused = upload(proxied.reader(), "large.txt", bytes(2048 * KIB))
    assert (refused.status_code, refused.headers["content-type"]) == (413, "application/problem+json")
    assert refused.json()["code"] == "too_large"


@pytest.mark.parametrize("size_is_said", [True, False])
def test_the_proxy_ends_what_is_larger_than_it_lets_through(proxied: Proxied, size_is_said: bool) -> None:
    form = httpx.Request("POST", "https://localhost", files={"file": ("much.txt", b"much " * 100 * KIB)})
    headers = {"Content-Type": form.headers["content-type"]}
    for _ in range(4):  # whoever sends too much does not shut the API off for others
        content = form.read() if size_is_said else iter([form.read()])
        sent = proxied.reader(proxied.hasty).post("/v1/documents", content=content, headers=headers)
        assert (sent.status_code, sent.content) == (413, b"")
    assert proxied.reader(proxied.hasty).get("/v1/documents", params={"q": "much.txt"}).json()["items"] == []


def test_every_event_of_an_answer_goes_out_at_once(proxied: Proxied) -> None:
    go = threading.Semaphore(0)
    proxied.model.does(Waits(PIECES, go))
    with proxied.reader().stream("POST", "/v1/ask", json={"question": QUESTION, "stream": True}) as response:
        events = named(response)
        assert next(events)[0] == "sources"  # the model has said nothing yet
        for said in SENTENCES:
            go.release()
            (text, _), (sentence, checked) = next(events), next(events)
            assert (text, sentence, checked["text"]) == ("text", "sentence", said)
        ((last, answer),) = events
    assert (last, answer["mode"]) == ("done", "generated")


def named(response: httpx.Response) -> Iterator[tuple[str, Any]]:
    """Each event as it comes."""
    name = ""
    for line in response.iter_lines():
        key, _, value = line.partition(": ")
        if key == "event":
            name = value
        if key == "data":
            yield name, json.loads(value)


@pytest.mark.parametrize("stream", [True, False])
def test_a_reader_who_leaves_frees_the_model_at_once(proxied: Proxied, stream: bool) -> None:
    proxied.model.does(Hangs(text="Employees may"))
    address = urlsplit(proxied.proxy.url)
    connection = http.client.HTTPSConnection(
        "localhost", address.port, context=proxied.proxy.tls, source_address=READER, timeout=30.0
    )
    headers = {"Authorization": proxied.system.admin.headers["authorization"], "Content-Type": "application/json"}
    connection.request("POST", "/v1/ask", json.dumps({"question": QUESTION, "stream": stream}), headers)
    assert proxied.model.asked()
    assert proxied.model.running == 1
    connection.close()
    assert proxied.model.idle(seconds=AT_ONCE)


def test_nobody_says_where_they_come_from(proxied: Proxied) -> None:
    claimed = {"X-Forwarded-For": "203.0.113.7, 127.0.0.1", "Forwarded": "for=203.0.113.7", "X-Real-IP": "203.0.113.7"}
    made = proxied.reader().post("/v1/users", json={"email": "ann@example.com"}, headers=claimed)
    assert made.status_code == 201, made.text
    page = proxied.system.admin.get("/v1/admin/audit", params={"event": "user_created"}).json()
    assert page["items"][-1]["address"] == READER[0]


def test_no_secret_is_in_the_log(proxied: Proxied) -> None:
    reader = proxied.reader()
    reader.get("/v1/documents", params={"q": "searched-for", "limit": 7}, headers={"Cookie": "one=cookie-crumb"})
    sent = reader.get("/v1/sessions/oidc")
    state = parse_qs(urlsplit(sent.headers["location"]).query)["state"][0]
    came = reader.get(CALLBACK, params={"code": "one-code", "state": state, "iss": "issuer-of-it"})
    assert (sent.status_code, came.status_code) == (303, 303)
    eventually(lambda: "issuer-of-it" in proxied.proxy.log.read_text())
    log = proxied.proxy.log.read_text()
    assert "limit=7" in log
    key = reader.headers["authorization"].removeprefix("Bearer ")
    for secret in ("searched-for", "cookie-crumb", "one-code", state, key):
        assert secret not in log, secret


def test_a_question_waits_while_the_api_is_replaced(proxied: Proxied) -> None:
    started, question = proxied.system, {"question": QUESTION}
    proxied.model.does(Says(SENTENCES[0]))
    private_servers.stop(started.processes["api"])
    with ThreadPoolExecutor() as pool:
        shown = pool.submit(proxied.reader().get, "/v1/documents")
        asked = pool.submit(proxied.reader().post, "/v1/ask", json=question)
        in_vain = proxied.reader(proxied.hasty).post("/v1/ask?q=searched-in-vain", json=question)
        assert not shown.done()
        again = system.process("api", started.environment, started.data_dir)
        started.processes["api"] = started.stack.enter_context(again)
    assert (in_vain.status_code, shown.result().status_code) == (502, 200)
    answer = asked.result()
    assert (answer.status_code, answer.json()["mode"]) == (200, "generated")
    log = proxied.hasty.log.read_text()
    assert "connection refused" in log
    assert "searched-in-vain" not in log
