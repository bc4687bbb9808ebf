"""Our count of a prompt is the server's, and a prompt is packed to the window that the server declares."""

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tiktoken import Encoding
from tiktoken.load import load_tiktoken_bpe

from retrieval.context_window import Room
from retrieval.errors import ModelUnavailableError
from retrieval.llm import ChatModel
from retrieval.prompts import MAX_PROMPT_TOKENS, answer_messages, pack_sources, rewrite_messages
from retrieval.token_counting import ChatTokenizer, EstimatedTokens, Message
from retrieval.types import Source, Turn
from tests.vllm.asking import asked, pieces, with_model
from tests.vllm.build_model import SPLIT
from tests.vllm.server import CONTEXT, NAME, VllmServer

TEXTS = [
    "Employees receive 27 days of annual leave, plus public holidays.",
    "  Die Kündigungsfrist beträgt\n\n\n\tdrei Monate zum Quartalsende – 1.234.567,89 €!  ",
    "保証期間は36か月です。日本語の文書も読めます。",
    "كم يوم إجازة لدي؟ Сколько дней отпуска? 😀👩🏽‍🔬",
    "def f(x):\n    return {'a': [x, 1_000_000]}  # ok\r\n\r\n",
    "<|eot_id|> is taken out, [12] too",
]
ROOM = Room(prompt=CONTEXT * 3 // 4, answer=CONTEXT // 4)


def source(number: int, text: str) -> Source:
    return Source(
        number=number,
        document_id=f"d{number}",
        version=1,
        title=f"Policy {number}: leave & travel",
        url=None,
        data_source="uploads",
        external_id=f"policy-{number}.md",
        page=number,
        heading_path=("Rules", "Grüße"),
        start=10,
        end=10 + len(text),
        text=text,
        modified_at=datetime(2026, 3, number % 27 + 1, tzinfo=UTC),
        superseded_by=None,
    )


def many_sources(seed: int) -> list[Source]:
    """Far more than any window holds, of mixed languages and lengths."""
    chosen = random.Random(seed)
    return [source(n, " ".join(chosen.choices(TEXTS, k=chosen.randint(1, 30)))) for n in range(1, 120)]


PROMPTS: list[list[Message]] = [
    *(asked(text) for text in TEXTS),
    [("human", "No system message.")],
    answer_messages("How many days?", many_sources(1)[:3]),
    rewrite_messages("And for interns?", [Turn("user", "How many days?"), Turn("assistant", "27 days [1].")]),
]


@pytest.mark.parametrize("messages", PROMPTS, ids=lambda messages: messages[-1][1][:20])
def test_our_count_of_a_prompt_is_the_servers(vllm: VllmServer, tokens: ChatTokenizer, messages: list[Message]) -> None:
    _, end = with_model(vllm, lambda model: pieces(model, messages, max_tokens=1))
    assert tokens.prompt(messages) == end.prompt_tokens


def test_our_count_of_a_text_is_the_servers(vllm: VllmServer, tokens: ChatTokenizer) -> None:
    for text in TEXTS:
        counted = vllm.post("/tokenize", {"model": NAME, "prompt": text, "add_special_tokens": False})
        assert tokens.text(text) == counted["count"]


def test_the_tokenizer_is_llamas_own(llama: Path, tokens: ChatTokenizer) -> None:
    ranks = load_tiktoken_bpe(str(llama / "tokenizer.model"))
    reference = Encoding("llama3", pat_str=SPLIT, mergeable_ranks=ranks, special_tokens={})
    for text in [*TEXTS[:-1], *(" ".join(TEXTS[:-1][n:]) for n in range(5))]:
        assert tokens.text(text) == len(reference.encode(text))


def test_any_code_between_sources_takes_as_many_tokens(tokens: ChatTokenizer) -> None:
    chosen = random.Random(1)
    assert {tokens.text(f"----- {chosen.randrange(10**12):012d} source") for _ in range(500)} == {
        tokens.text("----- 000000000000 source")
    }


def test_the_window_is_learnt_from_the_server(vllm: VllmServer) -> None:
    assert with_model(vllm, lambda model: model.room(MAX_PROMPT_TOKENS)) == ROOM


@pytest.mark.parametrize("seed", range(40))
def test_a_packed_prompt_fills_its_budget_and_never_exceeds_it(tokens: ChatTokenizer, seed: int) -> None:
    sources = many_sources(seed)
    packed = pack_sources(sources, TEXTS[seed % 3], max_tokens=ROOM.prompt, tokens=tokens)
    used = tokens.prompt(answer_messages(TEXTS[seed % 3], packed))
    longest = max(tokens.text(text) for text in TEXTS)
    assert ROOM.prompt - longest - 60 < used <= ROOM.prompt  # 60: a source's own lines


@pytest.mark.parametrize("seed", range(3))
def test_the_server_takes_a_prompt_packed_from_any_number_of_sources(
    vllm: VllmServer, tokens: ChatTokenizer, seed: int
) -> None:
    async def ask(model: ChatModel) -> int | None:
        room = await model.room(MAX_PROMPT_TOKENS)
        packed = pack_sources(many_sources(seed), "How many days?", max_tokens=room.prompt, tokens=tokens)
        messages = answer_messages("How many days?", packed)
        _, end = await pieces(model, messages, sources=len(packed), max_tokens=room.answer)
        return end.prompt_tokens

    assert (with_model(vllm, ask) or 0) <= ROOM.prompt


def test_the_server_refuses_what_is_packed_without_its_window(vllm: VllmServer) -> None:
    packed = pack_sources(many_sources(1), "How many days?")
    with pytest.raises(ModelUnavailableError, match="refused"):
        with_model(vllm, lambda model: pieces(model, answer_messages("How many days?", packed), max_tokens=512))


def test_the_estimate_is_no_lower_than_the_count(tokens: ChatTokenizer) -> None:
    """English, at least: a budget kept by the estimate is kept."""
    for messages in (PROMPTS[0], PROMPTS[6], PROMPTS[-1]):
        assert EstimatedTokens().prompt(messages) >= tokens.prompt(messages)
