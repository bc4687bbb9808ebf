"""GET for connectors against real servers on loopback: redirects, rebinding, caps, bombs, credentials, odd URLs."""

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from ipaddress import ip_network
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.connectors.addresses import AddressGate
from ingest.connectors.contract import ConnectorError
from ingest.connectors.fetching import Credentials, FetchError, SafeFetcher, gunzipped
from ingest.connectors.robots import PoliteFetcher
from ingest.connectors.urls import UnsafeUrlError, canonical_url, joined_url, parsed_url
from tests.integration.web_server import Answer, WebServer, web_server

HOME = (ip_network("127.0.0.1/32"),)


def fetcher(resolve: Callable[[str, int], list[str]] | None = None, **more: object) -> SafeFetcher:
    """Allowed to reach 127.0.0.1 and no other private address."""
    gate = AddressGate(HOME, resolve=resolve) if resolve else AddressGate(HOME)
    return SafeFetcher(gate, user_agent="FootnoteBot/0", **more)  # type: ignore[arg-type]


def got(client: SafeFetcher, url: str, *, max_bytes: int = 10_000) -> bytes:
    """The body; the fetcher is closed."""
    with closing(client), client.get(url) as answer:
        return answer.read(max_bytes=max_bytes)


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server() as running:
        running.answers["/"] = Answer(b"Hello.")
        yield running


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.2:{port}/",
        "http://[::1]:{port}/",
        "http://[::ffff:127.0.0.2]:{port}/",
        "http://0.0.0.0:{port}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://2130706434:{port}/",
        "http://0x7f.2:{port}/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/",
        "ftp://127.0.0.1/",
        "//127.0.0.2:{port}/",
        "http://x@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}\\@evil.example/",
        "javascript:alert(1)",
    ],
)
def test_a_redirect_to_where_nobody_may_go_is_not_followed(server: WebServer, target: str) -> None:
    server.answers["/away"] = Answer(status=302, headers={"Location": target.format(port=server.server_port)})
    with pytest.raises(FetchError) as caught:
        got(fetcher(), f"{server.url}/away")
    assert caught.value.code in ("address_refused", "url_refused", "unreachable")
    assert server.asked == {"/away": 1}


def test_a_name_that_resolves_anew_for_the_connection_gains_nothing(server: WebServer) -> None:
    """DNS rebinding: judged once at 127.0.0.1, the name would lead elsewhere the next time."""
    answers = cycle((["127.0.0.1"], ["127.0.0.2"]))
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    url = f"http://rebind.example:{server.server_port}/"
    assert got(fetcher(rebinding), url) == b"Hello."
    assert asked == ["rebind.example"], "one look-up for one connection"
    with pytest.raises(FetchError) as caught:
        got(fetcher(rebinding), url)
    assert caught.value.code == "address_refused"
    assert server.asked["/"] == 1


def test_an_address_that_does_not_answer_is_followed_by_the_next(server: WebServer) -> None:
    gate = AddressGate((ip_network("127.0.0.0/8"),), resolve=lambda host, port: ["127.0.0.9", "127.0.0.1"])
    client = SafeFetcher(gate, user_agent="FootnoteBot/0")
    assert got(client, f"http://two.example:{server.server_port}/") == b"Hello."


@pytest.mark.parametrize(
    "url",
    [
        "http://user:pw@host.example/",
        "http://good.example@evil.example/",
        "http://good.example\\@evil.example/",
        "http://good.example#@evil.example:80/\n",
        "http://host.example/a b",
        "http://host.example/\r\nX: y",
        "host.example",
        "http://",
        "http://:80/",
        "http://host.example:0/",
        "http://host.example:99999/",
        "http://[::1",
        "http://[v1.x]/",
        "https:host.example",
        "HTTP:\\\\host.example",
        "http://" + "a" * 2000,
        "data:text/plain,x",
        "\tfile:///etc/passwd",
    ],
)
def test_urls_that_parsers_read_differently_are_refused(url: str) -> None:
    with pytest.raises(UnsafeUrlError):
        parsed_url(url)


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_whatever_a_page_links_to_is_a_plain_address_or_refused(reference: str) -> None:
    base = parsed_url("https://host.example/docs/page?x=1")
    with suppress(UnsafeUrlError):
        target = joined_url(base, reference)
        assert target.scheme in ("http", "https")
        assert target.host
        assert not target.userinfo
        assert canonical_url(canonical_url(target)) == canonical_url(target)
        assert parsed_url(str(canonical_url(target))).host == target.host


@pytest.mark.parametrize(
    ("given_url", "canonical"),
    [
        ("HTTP://Host.Example:80", "http://host.example/"),
        ("https://host.example/a/../b/./c#part", "https://host.example/b/c"),
        ("https://host.example/a?utm_source=x&id=7&fbclid=y", "https://host.example/a?id=7"),
        ("https://host.example/a;jsessionid=12?PHPSESSID=3", "https://host.example/a"),
        ("https://host.example/a?b=c%20d&e", "https://host.example/a?b=c%20d&e"),
    ],
)
def test_one_page_has_one_address(given_url: str, canonical: str) -> None:
    assert str(canonical_url(parsed_url(given_url))) == canonical


def test_too_many_redirects_end(server: WebServer) -> None:
    server.answers["/loop"] = Answer(status=302, headers={"Location": "/loop"})
    with pytest.raises(FetchError) as caught:
        got(fetcher(), f"{server.url}/loop")
    assert caught.value.code == "too_many_redirects"
    assert server.asked["/loop"] == 9


def test_credentials_stay_with_their_origin(server: WebServer) -> None:
    with web_server() as other:
        other.answers["/"] = Answer(b"Other.")
        server.answers["/away"] = Answer(status=307, headers={"Location": other.url})
        client = fetcher(credentials=Credentials(server.url, "Bearer abc"))
        assert got(client, f"{server.url}/away") == b"Other."
        assert server.seen[0][1]["authorization"] == "Bearer abc"
        assert "authorization" not in other.seen[0][1]


def test_what_is_larger_than_allowed_ends_at_the_limit(server: WebServer, tmp_path: Path) -> None:
    server.answers["/large"] = Answer(b"x" * 20_000)
    server.answers["/bomb"] = Answer(b"\0" * 50_000_000, compressed=True)
    for path in ("/large", "/bomb"):
        client = fetcher()
        with pytest.raises(FetchError) as caught, closing(client), client.get(server.url + path) as answer:
            answer.save(tmp_path / "body", max_bytes=10_000)
        assert caught.value.code == "too_large"
        assert (tmp_path / "body").stat().st_size <= 10_000


def test_gzip_is_unpacked_and_broken_or_unasked_encodings_are_errors(server: WebServer) -> None:
    server.answers["/packed"] = Answer(b"Hello." * 1000, compressed=True)
    assert got(fetcher(), f"{server.url}/packed") == b"Hello." * 1000
    for encoding in ("gzip", "br"):
        server.answers["/broken"] = Answer(b"no gzip", headers={"Content-Encoding": encoding})
        with pytest.raises(FetchError) as caught:
            got(fetcher(), f"{server.url}/broken")
        assert caught.value.code == "bad_response"


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=3), st.integers(1, 50), st.binary(max_size=3))
def test_gzip_is_read_however_it_is_cut(members: list[bytes], step: int, padding: bytes) -> None:
    packed = b"".join(gzip.compress(member) for member in members)
    packed += b"\0" * len(padding)
    pieces = [packed[at : at + step] for at in range(0, len(packed), step)]
    assert b"".join(gunzipped(pieces)) == b"".join(members)
    with pytest.raises(EOFError):
        list(gunzipped([gzip.compress(b"whole")[:-4]]))


def test_no_piece_of_a_bomb_is_large() -> None:
    bomb = gzip.compress(b"\0" * 20_000_000)
    assert max(len(piece) for piece in gunzipped([bomb])) <= 64 * 1024


def test_a_server_that_drips_is_left_at_the_deadline() -> None:
    """A byte now and then would outlive every time-out between bytes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stopped = threading.Event()
        thread = threading.Thread(target=_drip, args=(listener, stopped), daemon=True)
        thread.start()
        began = time.monotonic()
        with pytest.raises(FetchError) as caught:
            got(fetcher(total_s=0.5), f"http://127.0.0.1:{listener.getsockname()[1]}/")
        stopped.set()
        thread.join()
    assert caught.value.code == "unreachable"
    assert time.monotonic() - began < 30, "the drip would go on for minutes"


def test_tls_is_checked_against_the_name_and_not_the_address(server: WebServer) -> None:
    """The server speaks no TLS: that a handshake was tried at 127.0.0.1 for another name is what counts."""
    with pytest.raises(FetchError) as caught:
        got(fetcher(lambda host, port: ["127.0.0.1"]), f"https://secure.example:{server.server_port}/")
    assert caught.value.code == "unreachable"


def test_headers_of_the_surroundings_are_not_sent(server: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.2:1")
    assert got(fetcher(), server.url) == b"Hello."
    assert set(server.seen[0][1]) == {"host", "user-agent", "accept", "accept-encoding"}


def _drip(listener: socket.socket, stopped: threading.Event) -> None:
    client, _ = listener.accept()
    with client, suppress(OSError):
        client.sendall(b"HTTP/1.1 200 OK\r\nX: ")
        while not stopped.wait(0.05):
            client.sendall(b"y")


def test_pauses_are_left_between_requests_and_robots_txt_may_ask_for_longer_ones(server: WebServer) -> None:
    server.answers["/robots.txt"] = Answer(b"User-agent: FootnoteBot\nCrawl-delay: 7\n", "text/plain")
    slept: list[float] = []
    polite = PoliteFetcher(fetcher(), product="FootnoteBot", delay_s=0.5, sleep=slept.append)
    with closing(polite):
        for _ in range(3):
            with polite.get(server.url) as answer:
                assert answer.read(max_bytes=100) == b"Hello."
    assert [round(pause) for pause in slept] == [7, 7]
    assert server.asked["/robots.txt"] == 1


@pytest.mark.parametrize(("status", "readable"), [(404, True), (403, True), (500, False), (503, False), (429, False)])
def test_a_robots_txt_that_cannot_be_read_forbids_everything_and_a_missing_one_nothing(
    server: WebServer, status: int, readable: bool
) -> None:
    server.answers["/robots.txt"] = Answer(status=status)
    polite = PoliteFetcher(fetcher(), product="FootnoteBot", delay_s=0)
    with closing(polite):
        if readable:
            with polite.get(server.url) as answer:
                assert answer.status == 200
        else:
            with pytest.raises(ConnectorError, match="robots"), polite.get(server.url):
                pass
            assert not server.asked["/"]
