"""What can be set for data sources, and the small readers of names, patterns and pages that connectors share."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.connectors.html_head import html_head, robots_directives
from ingest.connectors.imap_session import numbers_in, ranges_of
from ingest.connectors.kinds import KINDS, checked_options, kind_named
from ingest.connectors.names import MAX_EXTERNAL_ID, file_name_for, file_name_of, shown_id, why_no_id
from ingest.connectors.selection import Selection
from retrieval.errors import InvalidInputError

SECRETS = {
    "folder": set(),
    "web": {"authorization"},
    "sitemap": {"authorization"},
    "git": {"password", "ssh_key"},
    "s3": {"access_key", "secret_key", "session_token"},
    "imap": {"password"},
    "mbox": set(),
    "confluence": {"token"},
    "notion": {"token"},
    "llama_index": {"secret"},
}


def test_every_kind_says_what_can_be_set_and_which_of_it_is_secret() -> None:
    assert {name: set(kind.secrets) for name, kind in KINDS.items()} == SECRETS
    for kind in KINDS.values():
        assert kind.description.endswith(".")
        assert all(field.default is None for field in kind.fields if field.secret or field.required)


@pytest.mark.parametrize(
    ("kind", "options", "secrets", "said"),
    [
        ("ftp", {}, {}, "no kind 'ftp'"),
        ("web", {}, {}, "needs 'url'"),
        ("web", {"url": "https://x.example/", "depth": 3}, {}, "no option 'depth'"),
        ("web", {"url": "https://u:hush@x.example/"}, {}, "user name or password"),
        ("web", {"url": "ftp://x.example/"}, {}, "https://"),
        ("web", {"url": "https://x.example/", "max_pages": 0}, {}, "max_pages"),
        ("web", {"url": "https://x.example/", "authorization": "hush"}, {}, "is a secret"),
        ("web", {"url": "https://x.example/"}, {"authorization": "hush\r\nX: y"}, "control characters"),
        ("web", {"url": "https://x.example/"}, {"password": "hush"}, "no secret 'password'"),
        ("imap", {"host": "-x", "username": "a"}, {"password": "hush"}, "dash"),
        ("imap", {"host": "x.example", "username": "a", "folder": "a\r\nb"}, {"password": "hush"}, "control"),
        ("s3", {"bucket": "../x"}, {"secret_key": "hush"}, "bucket"),
    ],
)
def test_wrong_options_are_refused_in_words_without_the_secret(
    kind: str, options: dict[str, object], secrets: dict[str, str], said: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        checked_options(kind, options, secrets)
    assert said in caught.value.message
    assert "hush" not in caught.value.message


def test_secrets_do_not_show_in_a_repr() -> None:
    options = checked_options("imap", {"host": "x.example", "username": "a"}, {"password": "hush"})
    assert "hush" not in repr(options) + str(options) + options.model_dump_json()
    assert kind_named("imap").options is type(options)


@pytest.mark.parametrize(
    ("include", "exclude", "taken", "left_out"),
    [
        ([], [], ["a.md", "d/a.md"], []),
        (["*.md"], [], ["a.md", "d/e/a.md"], ["a.txt", "a.md5"]),
        (["docs/*.md"], [], ["docs/a.md"], ["docs/d/a.md", "a.md", "x/docs/a.md"]),
        (["docs/**"], ["docs/old"], ["docs/a.md", "docs/d/a.md"], ["docs/old/a.md", "other/a.md"]),
        (["**/handbook/*.pdf"], [], ["handbook/a.pdf", "x/y/handbook/a.pdf"], ["handbook/x/a.pdf"]),
        ([], ["drafts/", "~*"], ["a.md"], ["drafts/a.md", "d/drafts/a.md", "~a.md"]),
        (["a?.md", "[x].md"], [], ["ab.md", "[x].md"], ["a.md", "x.md"]),
    ],
)
def test_patterns_take_paths(include: list[str], exclude: list[str], taken: list[str], left_out: list[str]) -> None:
    selection = Selection(include, exclude)
    assert [path for path in (*taken, *left_out) if selection.takes(path)] == taken


@given(st.text(max_size=300), st.sampled_from(["", ".md", ".eml"]))
def test_file_names_are_plain_whatever_they_came_from(name: str, suffix: str) -> None:
    made = file_name_of(name, suffix=suffix)
    assert 0 < len(made) <= 170
    assert "/" not in made
    assert not made.startswith(".")
    assert made.endswith(suffix)
    made.encode()
    assert all(ord(character) >= 32 for character in made)


@given(st.text(st.characters(), max_size=2000))
def test_an_id_is_taken_as_it_is_or_refused_with_a_reason_that_can_be_shown(name: str) -> None:
    shown = shown_id(name)
    shown.encode()
    assert len(shown) <= MAX_EXTERNAL_ID
    assert "\x00" not in shown
    assert (why_no_id(name) is None) <= (shown == name)


@pytest.mark.parametrize(
    ("name", "content_type", "made"),
    [
        ("report.php", "text/html", "report.php.html"),
        ("index.html", "text/html", "index.html"),
        ("readme.md", "text/plain", "readme.md"),
        ("download", "application/pdf", "download.pdf"),
        ("a.PDF", "application/pdf", "a.PDF"),
        ("x.bin", "application/octet-stream", "x.bin"),
    ],
)
def test_the_ending_agrees_with_the_media_type(name: str, content_type: str, made: str) -> None:
    assert file_name_for(name, content_type) == made


@given(st.sets(st.integers(1, 2**32 - 1), max_size=50))
def test_sets_of_message_numbers_are_written_and_read(numbers: set[int]) -> None:
    assert numbers_in(ranges_of(numbers)) == numbers


@given(st.binary(max_size=2000), st.none() | st.sampled_from(["utf-8", "latin-1", "no-such-charset", "utf-16"]))
def test_no_page_makes_its_reading_fail(content: bytes, charset: str | None) -> None:
    head = html_head(b"<title>x</title>" + content, httpx.URL("https://x.example/"), charset=charset, agent="bot")
    assert all(link.startswith(("https://", "http://")) for link in head.links)


def test_a_deep_page_is_read_as_far_as_it_goes() -> None:
    content = b'<a href="first">' + b"<div>" * 200_000 + b'<a href="last">'
    html_head(content, httpx.URL("https://x.example/"), charset=None, agent="bot")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], (True, True)),
        (["noindex"], (False, True)),
        (["NONE"], (False, False)),
        (["bot: noindex, nofollow"], (False, False)),
        (["otherbot: none"], (True, True)),
        (["unavailable_after: 25 Jun 2030 15:00:00 GMT"], (True, True)),
        (["max-snippet:0, noindex"], (False, True)),
        (["index, follow", "nofollow"], (True, False)),
    ],
)
def test_robots_directives_count_where_they_are_meant_for_us(values: list[str], expected: tuple[bool, bool]) -> None:
    assert robots_directives(values, "bot") == expected
