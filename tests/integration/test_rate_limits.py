"""Rate limits over HTTP, of two processes of the API that share a registry and a broker: one budget for both."""

import itertools
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from services.db.accounts import SCOPES, Accounts
from services.db.database import Database
from services.db.keys import Keys
from services.db.models import AuditEvent
from tests import private_servers, system
from tests.integration.test_canaries import MATRIX, MISSING, PUBLIC, _code
from tests.integration.test_counter_sharing import Broker
from tests.integration.test_journeys import eventually

OF_USER, OF_KEY, QUESTIONS, FAILURES = 20, 12, 3, 5
LIMITS = {
    "FOOTNOTE_USER_REQUESTS_PER_MINUTE": str(OF_USER),
    "FOOTNOTE_KEY_REQUESTS_PER_MINUTE": str(OF_KEY),
    "FOOTNOTE_USER_QUESTIONS_PER_MINUTE": str(QUESTIONS),
    "FOOTNOTE_KEY_QUESTIONS_PER_MINUTE": "0",
    "FOOTNOTE_ADDRESS_FAILURES_PER_MINUTE": str(FAILURES),
}
QUESTION = "How many days of leave do I have?"
CHAT = {"model": "footnote", "messages": [{"role": "user", "content": QUESTION}]}
ASK = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "ask", "arguments": {"question": QUESTION}},
}
_NUMBERS = itertools.count()


@dataclass(frozen=True)
class Replicas:
    """Two APIs, whose logs are one file, and what they share."""

    first: str
    second: str
    database: Database
    broker: Broker
    log: Path
    stack: ExitStack = field(repr=False)

    def person(self) -> str:
        """The id of somebody new."""
        email = f"{next(_NUMBERS)}@example.com"
        return Accounts(self.database).create(email, name="", groups=[], is_admin=False).user.id

    def key(self, person: str) -> str:
        """A new key of theirs."""
        return Keys(self.database).create(person, name="", scopes=SCOPES)[1]

    def client(self, url: str, key: str | None = None, **headers: str) -> httpx.Client:
        """From an address of its own, where none is named."""
        said = {"X-Forwarded-For": f"198.51.100.{next(_NUMBERS)}", **headers}
        if key:
            said["Authorization"] = f"Bearer {key}"
        return self.stack.enter_context(httpx.Client(base_url=url, headers=said, timeout=30.0))


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory, model_cache: Path, index_url: str) -> Iterator[Replicas]:
    folder = tmp_path_factory.mktemp("limits")
    data_dir = folder / "data"
    data_dir.mkdir()
    (data_dir / "models").symlink_to(model_cache)
    broker = Broker(folder / "valkey")
    database_url = f"sqlite:///{data_dir / 'db'}"
    with ExitStack() as stack:
        stack.callback(broker.stop)

        def started() -> str:
            said = system.environment(data_dir, database_url, broker.url, index_url) | LIMITS
            url = f"http://127.0.0.1:{said['FOOTNOTE_PORT']}"
            api = stack.enter_context(system.process("api", said, data_dir))
            private_servers.wait_until(lambda: private_servers.answers(f"{url}/healthz"), process=api)
            return url

        first, second = started(), started()
        database = Database(database_url)
        stack.callback(database.dispose)
        yield Replicas(first, second, database, broker, folder / "api.log", stack)


def until_refused(client: httpx.Client) -> int:
    """How many requests passed before one was refused."""
    for passed in itertools.count():
        if client.get("/v1/me").status_code == httpx.codes.TOO_MANY_REQUESTS:
            return passed
    raise AssertionError("unreachable")


def statuses(client: httpx.Client, count: int) -> list[int]:
    return [client.get("/v1/me").status_code for _ in range(count)]


def test_a_key_that_asks_too_much_is_told_when_to_come_again_and_nobody_else_is(replicas: Replicas) -> None:
    ann, bob = replicas.person(), replicas.person()
    runaway = replicas.client(replicas.first, replicas.key(ann))
    assert until_refused(runaway) == OF_KEY
    refused = runaway.get("/v1/me")
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert refused.headers["content-type"] == "application/problem+json"
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert f"this API key may make {OF_KEY} a minute" in refused.json()["detail"]
    assert statuses(replicas.client(replicas.first, replicas.key(bob)), 1) == [200]
    assert runaway.get("/healthz").status_code == 200


def test_all_keys_of_a_person_share_the_persons_limit(replicas: Replicas) -> None:
    ann = replicas.person()
    one, other = (replicas.client(replicas.first, replicas.key(ann)) for _ in range(2))
    assert until_refused(one) == OF_KEY
    assert until_refused(other) == OF_USER - OF_KEY
    assert "with all your keys and sessions" in other.get("/v1/me").json()["detail"]


def test_all_processes_of_the_api_share_one_limit(replicas: Replicas) -> None:
    ann = replicas.person()
    here = [replicas.client(replicas.first, replicas.key(ann)) for _ in range(2)]
    there = replicas.client(replicas.second, replicas.key(ann))
    assert sum(until_refused(client) for client in here) == OF_USER
    with replicas.broker.client() as redis:
        eventually(lambda: str(OF_USER).encode() in redis.mget(redis.keys("footnote:window:*")))
    passed = itertools.count()
    eventually(lambda: next(passed) >= 0 and there.get("/v1/me").status_code == 429)
    assert next(passed) < OF_KEY, "by its own counts alone it would have let as many through"


def test_every_route_for_somebody_known_is_limited(replicas: Replicas) -> None:
    client = replicas.client(replicas.first, replicas.key(replicas.person()))
    until_refused(client)
    for route in set(MATRIX) - PUBLIC:
        answer = MATRIX[route](client, MISSING)
        assert (answer.status_code, _code(answer)) == (429, "rate_limited"), route
        assert int(answer.headers["retry-after"]) > 0, route
    answers = {path: client.get(path).status_code for path in ("/healthz", "/readyz", "/metrics", "/openapi.json")}
    assert set(answers.values()) == {200}, answers
    assert 'footnote_rate_limited_total{kind="key"}' in client.get("/metrics").text


def test_questions_are_limited_whatever_protocol_they_come_by(replicas: Replicas) -> None:
    client = replicas.client(replicas.first, replicas.key(replicas.person()))
    for body in ({"question": QUESTION}, {"question": QUESTION, "stream": True}):
        assert client.post("/v1/ask", json=body).status_code == 200
    assert client.post("/v1/chat/completions", json=CHAT).status_code == 200
    for body in ({"question": QUESTION}, {"question": QUESTION, "stream": True}):
        refused = client.post("/v1/ask", json=body)
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    openai = client.post("/v1/chat/completions", json=CHAT)
    error = openai.json()["error"]
    assert (openai.status_code, error["type"], error["code"]) == (429, "rate_limit_error", "rate_limited")
    assert 0 < int(openai.headers["retry-after"]) <= 60
    tool = client.post("/mcp", json=ASK, headers={"Accept": "application/json, text/event-stream"})
    result = tool.json()["result"]
    assert (tool.status_code, result["isError"]) == (200, True)
    assert re.search(r"Too many questions: .*\(code: rate_limited\)", result["content"][0]["text"])
    assert client.post("/v1/search", json={"query": QUESTION}).status_code == 200


def test_wrong_keys_are_limited_for_their_address_and_valid_ones_from_there_pass(replicas: Replicas) -> None:
    here = {"X-Forwarded-For": "203.0.113.7"}
    guesses = [replicas.client(replicas.first, f"fn_{number:016x}_wrong", **here) for number in range(FAILURES + 1)]
    assert [client.get("/v1/me").status_code for client in guesses] == [401] * FAILURES + [429]
    refused = guesses[0].get("/v1/me")
    assert (refused.json()["code"], "your address" in refused.json()["detail"]) == ("rate_limited", True)
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert statuses(replicas.client(replicas.first, replicas.key(replicas.person()), **here), 1) == [200]
    assert statuses(replicas.client(replicas.first, "fn_0_wrong"), 1) == [401], "from another address"


def test_ended_sessions_are_limited_for_their_address_and_apart_from_keys(replicas: Replicas) -> None:
    here = {"X-Forwarded-For": "203.0.113.8", "Cookie": "footnote_session=ended", "Sec-Fetch-Site": "same-origin"}
    browser = replicas.client(replicas.first, **here)
    assert statuses(browser, FAILURES - 1) == [401] * (FAILURES - 1)
    assert browser.delete("/v1/sessions/current").status_code == 204
    assert browser.delete("/v1/sessions/current").status_code == 429
    assert statuses(browser, 1) == [429]
    assert statuses(replicas.client(replicas.first, "fn_0_wrong", **{"X-Forwarded-For": "203.0.113.8"}), 1) == [401]
    without = replicas.client(replicas.first, **{"X-Forwarded-For": "203.0.113.8"})
    assert statuses(without, FAILURES + 1) == [401] * (FAILURES + 1), "who shows nothing guesses nothing"


def test_what_another_site_sends_to_mcp_counts_for_the_key_that_it_carries(replicas: Replicas) -> None:
    elsewhere = {"X-Forwarded-For": "203.0.113.9", "Origin": "https://evil.example"}
    guess = replicas.client(replicas.first, "fn_0_wrong", **elsewhere)
    answers = [guess.post("/mcp", json=ASK) for _ in range(FAILURES + 1)]
    assert [_code(answer) for answer in answers] == ["cross_site"] * FAILURES + ["rate_limited"]
    assert {answer.status_code for answer in answers[:-1]} == {403}
    person = replicas.person()
    lured = replicas.client(replicas.first, replicas.key(person), **elsewhere)
    codes = [_code(lured.post("/mcp", json=ASK)) for _ in range(OF_KEY + 1)]
    assert codes == ["cross_site"] * OF_KEY + ["rate_limited"]
    eventually(lambda: ("authz_fail", "/mcp") in said_of(replicas, person))
    without = replicas.client(replicas.first, **elsewhere)
    answers = [without.post("/mcp", json=ASK) for _ in range(FAILURES + 1)]
    assert {_code(answer) for answer in answers} == {"cross_site"}, "who shows nothing guesses nothing"


def test_a_sign_out_that_another_site_causes_counts_and_is_named_and_ones_own_is_always_possible(
    replicas: Replicas,
) -> None:
    person = replicas.person()
    token, _ = Accounts(replicas.database).new_link(person)
    browser = replicas.client(replicas.first)
    assert browser.post("/v1/sessions", json={"token": token}).status_code == 201
    elsewhere = {"Origin": "https://evil.example"}
    codes = [_code(browser.delete("/v1/sessions/current", headers=elsewhere)) for _ in range(OF_USER + 1)]
    assert codes == ["cross_site"] * OF_USER + ["rate_limited"]
    eventually(lambda: ("authz_fail", "/v1/sessions/current") in said_of(replicas, person))
    assert statuses(browser, 1) == [429]
    own = {"Sec-Fetch-Site": "same-origin"}
    assert browser.delete("/v1/sessions/current", headers=own).status_code == 204
    assert not browser.cookies


def test_neighbours_of_one_ipv6_network_are_one_address(replicas: Replicas) -> None:
    guesses = [
        replicas.client(replicas.first, "fn_0_wrong", **{"X-Forwarded-For": f"2001:db8::{number:x}"})
        for number in range(1, FAILURES + 2)
    ]
    assert [client.get("/v1/me").status_code for client in guesses] == [401] * FAILURES + [429]
    other = replicas.client(replicas.first, "fn_0_wrong", **{"X-Forwarded-For": "2001:db8:0:1::1"})
    assert statuses(other, 1) == [401]


def test_a_limit_that_is_met_is_logged_by_the_keys_id_and_nothing_secret_is_stored(replicas: Replicas) -> None:
    person = replicas.person()
    key = replicas.key(person)
    key_id, secret = key.removeprefix("fn_").split("_", 1)
    assert until_refused(replicas.client(replicas.first, key)) == OF_KEY
    eventually(lambda: "excess_rate_limit_exceeded" in [kind for kind, _ in said_of(replicas, person)])
    eventually(lambda: key_id in replicas.log.read_text())
    lines = [line for line in replicas.log.read_text().splitlines() if key_id in line]
    assert len(lines) == 1
    assert '"logger": "audit"' in lines[0]
    assert '"event": "excess_rate_limit_exceeded"' in lines[0]
    assert secret not in replicas.log.read_text()
    with replicas.broker.client() as redis:
        names = [name.decode() for name in redis.keys("*")]
    assert [name for name in names if not re.fullmatch(r"footnote:window:[0-9a-f]{32}", name)] == []


def test_without_a_broker_requests_go_on_and_limits_hold_and_with_it_they_are_shared_again(replicas: Replicas) -> None:
    ann, bob = replicas.person(), replicas.person()
    replicas.broker.stop()
    try:
        for url in (replicas.first, replicas.second):
            assert until_refused(replicas.client(url, replicas.key(ann))) == OF_KEY
        eventually(lambda: is_local(replicas, "1.0"))
    finally:
        replicas.broker.start()
    eventually(lambda: is_local(replicas, "0.0"))
    here, there = (replicas.client(url, replicas.key(bob)) for url in (replicas.first, replicas.second))
    assert statuses(here, 4) + statuses(there, 3) == [200] * 7
    with replicas.broker.client() as redis:
        eventually(lambda: b"7" in redis.mget(redis.keys("footnote:window:*")))


def said_of(replicas: Replicas, person: str) -> set[tuple[str, str | None]]:
    """The audit events of what they did, with the route of those that have one."""
    with replicas.database.read() as session:
        rows = session.scalars(select(AuditEvent).where(AuditEvent.user_id == person)).all()
    return {(row.event, row.details.get("route")) for row in rows}


def is_local(replicas: Replicas, value: str) -> bool:
    """Whether both processes say so. Each looks when it has counted something."""
    said = []
    for url in (replicas.first, replicas.second):
        client = replicas.client(url, replicas.key(replicas.person()))
        assert statuses(client, 1) == [200]
        said.append(f"footnote_rate_limits_local {value}" in client.get("/metrics").text)
    return all(said)
