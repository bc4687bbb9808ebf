"""What else reads strangers' words: markers in a model's stream, filters, requests, cursors, grants, and a server's
events. Knows nothing of how inputs come about.
"""

import json
from itertools import pairwise

import httpx
from pydantic import ValidationError

from ingest.answer_stream import answer_events
from retrieval.access import GRANT, access_filter, checked_grants
from retrieval.errors import FootnoteError, InvalidInputError, NotFoundError
from retrieval.index import _compiled
from retrieval.types import EVERYONE, Principal
from services.api import cursors, presenting, schemas
from services.api.openai_requests import question_of
from services.api.openai_schemas import ChatRequest
from tests.fuzz.target import Target
from tests.marker_reading import SOURCES, parsed, read

_CUTS = 8
# What bytes from 128 on stand for, so that a few of them make a text that the parser has to think about.
_MARKERS = (
    "[1]",
    "[2, 3]",
    "[1-3]",
    "[Source 2]",
    "【1】",
    "【1†L3】",
    "[9]",
    "[",
    "]",
    "†",
    "[1",
    "1]",
    " and ",
    "src ",
)
_ENDS = (
    ". ",
    "! ",
    "? ",
    "。",
    "।",
    "…",
    "\n\n",
    "\n- ",
    "\u2028",
    "\x85",
    "| ",
    "Dr. ",
    "z. B. ",
    "e.g. ",
    "3.5.2024",
)
_WORDS = ("NO_ANSWER", "\u0301", "💡", "word " * 60, "一年", "x" * 300, "\u00a0", "\t", "&", "–", "İ", "ß", "\x00")
_TOKENS = (*_MARKERS, *_ENDS, *_WORDS)
_TOKENS_SHOWN = {token: 128 + number for number, token in enumerate(_TOKENS)}
_PRINCIPAL = Principal(user_id="u", email="ann@x.example", grants=frozenset({EVERYONE, "user:ann@x.example"}))
_RESPONSE = {"content-type": "text/event-stream"}


def markers(content: bytes) -> str:
    """What is read must not depend on where the stream was cut, and no word may be lost or made."""
    text = "".join(chr(byte) if byte < 128 else _TOKENS[(byte - 128) % len(_TOKENS)] for byte in content[_CUTS:])
    places = sorted({0, len(text), *(cut * 7 % (len(text) + 1) for cut in content[:_CUTS])})
    cut = [text[start:end] for start, end in pairwise(places)]
    assert parsed(cut) == parsed([text]) == parsed(list(text)), "the markers depend on the cuts"
    drafts = read([text])
    assert read(cut) == drafts == read(list(text)), "the sentences depend on the cuts"
    assert all(1 <= number <= SOURCES for draft in drafts for number in draft.cited if f"[{number}]" not in text)
    return "cited" if any(draft.cited for draft in drafts) else "read"


def filters(content: bytes) -> str:
    """Whatever is asked, a search carries the asker's grants, and each narrowing is AND-ed."""
    try:
        asked = presenting.filters(schemas.Filters.model_validate_json(content))
        compiled = _compiled(access_filter(_PRINCIPAL, asked))
    except (ValidationError, InvalidInputError) as error:
        return type(error).__name__
    plain = compiled.model_dump(exclude_none=True)
    assert list(plain) == ["must"], plain
    grants, *narrowed = plain["must"]
    assert grants == {"key": "grants", "match": {"any": sorted(_PRINCIPAL.grants)}}, grants
    given = {
        "data_source": asked.data_sources,
        "document_id": asked.document_ids,
        "media_type": asked.media_types,
        "modified_at": asked.modified_after or asked.modified_before,
    }
    assert [each["key"] for each in narrowed] == [key for key, value in given.items() if value], narrowed
    wanted = [list(given[each["key"]]) for each in narrowed if "match" in each]  # type: ignore[arg-type]
    assert [each["match"]["any"] for each in narrowed if "match" in each] == wanted, narrowed
    compiled.model_dump_json()
    return "narrowed" if narrowed else "read"


def grants(content: bytes) -> str:
    """Grants are kept in one form, and are the same when they are read again."""
    try:
        kept = checked_grants(content.decode("utf-8", "replace").split("\n"))
    except InvalidInputError as error:
        return error.code
    assert checked_grants(kept) == kept, "grants change when they are read again"
    assert all(GRANT.fullmatch(grant) for grant in kept)
    return "read"


def questions(content: bytes) -> str:
    """A request of our own protocol."""
    try:
        asked = schemas.AskRequest.model_validate_json(content)
    except ValidationError:
        return "invalid"
    schemas.AskRequest.model_validate_json(asked.model_dump_json())
    return "read"


def chats(content: bytes) -> str:
    """A request of OpenAI's protocol."""
    try:
        question, history = question_of(ChatRequest.model_validate_json(content))
    except (ValidationError, InvalidInputError, NotFoundError) as error:
        return getattr(error, "code", "invalid")
    assert question.question
    assert all(turn.role in {"user", "assistant"} for turn in history)
    return "read"


def paging(content: bytes) -> str:
    """A cursor that comes back, and the moment and the number in one."""
    text = content.decode("utf-8", "replace")
    try:
        values = cursors.decode(text, 2)
        if values is None:
            return "none"
        cursors.moment(values[0])
        cursors.number(values[1], most=cursors.BIGINT)
    except InvalidInputError as error:
        return error.code
    return "read"


def events(content: bytes) -> str:
    """A server's stream as the client reads it."""
    response = httpx.Response(200, headers=_RESPONSE, content=content, request=httpx.Request("POST", "http://x"))
    try:
        return f"{len(list(answer_events(response)))} events"
    except FootnoteError as error:
        return error.code


def _texts(*texts: str) -> list[bytes]:
    return [text.encode() for text in texts]


def _tokens(*tokens: str) -> bytes:
    return bytes(_CUTS) + b"".join(bytes([_TOKENS_SHOWN[t]]) if t in _TOKENS_SHOWN else t.encode() for t in tokens)


_FILTERS = (
    '{"data_sources": ["hr"], "document_ids": ["a", "b"], "media_types": ["text/html"]}',
    '{"modified_after": "2025-01-01T00:00:00Z", "modified_before": "2026-01-01", "as_of": "0001-01-01"}',
)
_CHATS = (
    '{"model": "footnote", "messages": [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]}',
    '{"model": "footnote", "messages": [{"role": "user", "content": [{"type": "text", "text": "b"}]}], "n": 1}',
)
_SOURCE = {"number": 1, "document_id": "d", "title": "t"}
_EVENTS = (
    f"event: sources\ndata: {json.dumps([_SOURCE])}\n\n",
    'event: text\ndata: {"text": "Gate"}\n\n: comment\n\nevent: done\ndata: {}\n\n',
    'event: error\ndata: {"status": 503, "code": "a", "title": "b", "errors": [{"field": "c", "problem": "d"}]}\n\n',
    "event: text\ndata: " + "[" * 3000 + "\n\n",
    'event: error\ndata: {"status": 1e400, "errors": 5}\n\n',
)
TARGETS = {
    "markers": Target(
        markers,
        lambda _: [
            _tokens("The gate", "[1]", ". ", "It", "[2, 3]", "[9]", ". "),
            _tokens("Dr. ", "【1†L3】", "。", "一年"),
        ],
        runs=2500,
        most_bytes=256,
    ),
    "filters": Target(filters, lambda _: _texts(*_FILTERS), runs=3000),
    "grants": Target(grants, lambda _: _texts("everyone", "user:Ann@x.example\ngroup:HR"), runs=3000),
    "questions": Target(
        questions, lambda _: _texts(*(f'{{"question": "q", "filters": {f}, "top_k": 3}}' for f in _FILTERS)), runs=3000
    ),
    "chats": Target(chats, lambda _: _texts(*_CHATS), runs=3000),
    "cursors": Target(
        paging, lambda _: _texts(cursors.encode("2026-01-01T00:00:00Z", "7"), cursors.encode("", "1")), runs=5000
    ),
    "events": Target(events, lambda _: _texts(*_EVENTS), runs=2000),
}
