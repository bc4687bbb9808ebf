"""What the model is shown: prompts, numbered sources, and how many of them fit.

Knows nothing of how the model is called. The texts are files under `prompt_texts/`. The part that never changes comes
first, so that the server's prefix cache hits. Everything from documents, questions and history is data: it stands
between lines with a code that is new for each request, and what looks like one of the model's own control tokens, or
like one of our citation markers, is taken out of it.
"""

import hashlib
import re
import secrets
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from importlib.resources import files

from langchain_core.prompts import ChatPromptTemplate

from retrieval.reading import unit_spans
from retrieval.token_counting import EstimatedTokens, Message, TokenCounter
from retrieval.types import Hit, Source, Turn

ESTIMATED = EstimatedTokens()

# What the model writes when the sources do not answer.
NO_ANSWER = "NO_ANSWER"
MAX_PROMPT_TOKENS = 4000
MAX_QUESTION_CHARACTERS = 2000
MAX_HISTORY_TOKENS = 800


def _text(name: str) -> str:
    return files("retrieval").joinpath("prompt_texts", f"{name}.md").read_text(encoding="utf-8").strip()


_NAMES = ("answer_system", "answer_user", "rewrite_system", "rewrite_user")
_TEXTS = {name: _text(name) for name in _NAMES}
_ANSWER = ChatPromptTemplate([("system", _TEXTS["answer_system"]), ("human", _TEXTS["answer_user"])])
_REWRITE = ChatPromptTemplate([("system", _TEXTS["rewrite_system"]), ("human", _TEXTS["rewrite_user"])])
# Stands in the record of an answer: two answers of one version were asked for in the same words.
PROMPT_VERSION = hashlib.sha256("\0".join(_TEXTS[name] for name in _NAMES).encode()).hexdigest()[:12]

_BLANKS = str.maketrans("\n\t", "  ")
# "<|eot_id|>" and what a tokenizer or a reader could take for it: other bars, other brackets, blanks in between.
_TOKEN_OPENING = re.compile(r"[<＜‹〈﹤⟨]\s*[|｜¦│∣❘]")
_TOKEN_CLOSING = re.compile(r"[|｜¦│∣❘]\s*[>＞›〉﹥⟩]")
# Control words of other model families that serve behind the same protocol.
_CONTROL = re.compile(
    r"\[/?(?:INST|SYS|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]|<</?SYS>>|</?s>|</?(?:start|end)_of_turn>|</?think>|"
    r"<(?:bos|eos|pad|unk)>",
    re.IGNORECASE,
)
_MARKER = re.compile(r"[\[【［]\s*(\d[\d\s,;&–-]{0,24})\s*[\]】］]")


def clean(text: str) -> str:
    """Take out of `text` what a model could mistake for its own control tokens, our markers or our lines. Linear.

    Characters nobody sees (zero-width, direction marks, Unicode tags) go too: they can hide instructions.
    """
    without_tokens = _TOKEN_CLOSING.sub(")", _TOKEN_OPENING.sub("(", _visible(text)))
    without_control = _CONTROL.sub(" ", without_tokens)
    # An inner match taken out can leave an outer one whole ("<</s>s>"): brackets of what is left are made harmless.
    if _CONTROL.search(without_control):
        without_control = without_control.replace("<", "(").replace("[", "(")
    return _MARKER.sub(r"(\1)", without_control)


def _visible(text: str) -> str:
    if text.translate(_BLANKS).isprintable():  # the rule, and at once; but a blank that does not break is seen, too
        return text
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Co", "Cn", "Cs"))


def numbered(hits: Sequence[Hit]) -> tuple[Source, ...]:
    """Turn hits into sources, numbered from 1 in their order."""
    return tuple(_source(number, hit) for number, hit in enumerate(hits, start=1))


def pack_sources(
    sources: Sequence[Source],
    question: str,
    *,
    as_of: datetime | None = None,
    max_tokens: int = MAX_PROMPT_TOKENS,
    tokens: TokenCounter = ESTIMATED,
) -> tuple[Source, ...]:
    """Keep the first `sources` that fit beside everything else into `max_tokens`.

    The last one may be cut behind a sentence; its span says so. At least a sentence of the first is always kept.
    """
    left = max_tokens - tokens.prompt(answer_messages(question, (), as_of=as_of))
    packed: list[Source] = []
    for source in sources:
        needed = _size(source, tokens)
        if needed > left:
            shortened = _cut(source, left, tokens, whole=not packed)
            return (*packed, shortened) if shortened else tuple(packed)
        packed.append(source)
        left -= needed
    return tuple(packed)


def answer_messages(
    question: str, sources: Sequence[Source], *, today: date | None = None, as_of: datetime | None = None
) -> list[Message]:
    """Return the messages that ask for a cited answer to `question`, of what held on the day of `as_of`."""
    code = _code()
    messages = _ANSWER.format_messages(
        today=(today or datetime.now(UTC).date()).isoformat(),
        as_of=f" The question is about {as_of:%Y-%m-%d}; the sources are what held then." if as_of else "",
        code=code,
        sources="\n\n".join(_shown(source, code) for source in sources),
        count=len(sources),
        question=clean(question)[:MAX_QUESTION_CHARACTERS],
    )
    return [(str(message.type), str(message.content)) for message in messages]


def rewrite_messages(question: str, history: Sequence[Turn], *, tokens: TokenCounter = ESTIMATED) -> list[Message]:
    """Return the messages that ask for `question` as it would be put without `history`, newest turns first to stay."""
    code = _code()
    kept: list[str] = []
    left = MAX_HISTORY_TOKENS
    for turn in reversed(history):
        line = f"{'Employee' if turn.role == 'user' else 'Assistant'}: {clean(turn.content)[:1200]}"
        left -= tokens.text(line)
        if left < 0 and kept:
            break
        kept.insert(0, line)
    conversation = "\n".join((f"----- {code} conversation", *kept, f"----- {code} end"))
    messages = _REWRITE.format_messages(
        code=code, conversation=conversation, question=clean(question)[:MAX_QUESTION_CHARACTERS]
    )
    return [(str(message.type), str(message.content)) for message in messages]


def _source(number: int, hit: Hit) -> Source:
    document, chunk = hit.document, hit.chunk
    return Source(
        number=number,
        document_id=document.document_id,
        version=document.version,
        title=document.title,
        url=document.url,
        data_source=document.data_source,
        external_id=document.external_id,
        page=chunk.page,
        heading_path=chunk.heading_path,
        start=chunk.start,
        end=chunk.end,
        text=chunk.text,
        modified_at=document.modified_at,
        superseded_by=document.superseded_by,
    )


def _shown(source: Source, code: str) -> str:
    place = " > ".join(clean(part).replace("\n", " ") for part in (source.title, *source.heading_path))
    when = f", last changed {source.modified_at:%Y-%m-%d}" if source.modified_at else ""
    old = ", superseded by a newer document" if source.superseded_by else ""
    first = f"----- {code} source [{source.number}]: {place}{when}{old}"
    return f"{first}\n{clean(source.text)}\n----- {code} end [{source.number}]"


def _code() -> str:
    """A code that no document can know. Digits, because any twelve of them are four Llama tokens: a count holds."""
    return f"{secrets.randbelow(10**12):012d}"


def _size(source: Source, tokens: TokenCounter) -> int:
    """Tokens of `source` in a prompt, with the blank line behind it. Llama's tokens do not reach over that line."""
    return tokens.text(_shown(source, "0" * 12) + "\n\n")


def _cut(source: Source, most: int, tokens: TokenCounter, *, whole: bool) -> Source | None:
    """`source` up to the last sentence within `most` tokens; None where not one is.

    With `whole` its first sentence stays whatever it takes: a prompt needs a source.
    """
    spans = unit_spans(source.text)
    shorter = [replace(source, end=source.start + end, text=source.text[:end]) for _, end in spans]
    fitting = bisect_right(shorter[:-1], most, key=lambda one: _size(one, tokens))
    if fitting:
        return shorter[fitting - 1]
    return shorter[0] if whole and shorter else None
