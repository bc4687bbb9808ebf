"""Tokens as a model counts them: its tokenizer, its chat template, and what stands in until they are there."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from retrieval.errors import InvalidInputError
from retrieval.token_counting import EstimatedTokens, LateTokens, Message, TokenCounter, load_chat_tokenizer

ASK = [("system", "Answer briefly."), ("human", "  How long? ")]
# Jinja as chat templates use it: blocks on lines of their own, a variable of the tokenizer, a role that is refused.
TEMPLATE = """{{ bos_token }}
{%- for message in messages %}
    {%- if message.role == "tool" %}
        {{- raise_exception("no tools") }}
    {%- endif %}
    {{- " ROLE " + message.role + " END " + message.content | trim }}
{%- endfor %}
{%- if add_generation_prompt %}{{ " ROLE assistant END" }}{% endif %}
"""


def write(folder: Path, **config: object) -> Path:
    """A tokenizer of one token a word."""
    tokenizer = Tokenizer(WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = Whitespace()
    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"bos_token": "BEGIN", **config}))
    return folder


def test_a_prompt_is_counted_with_what_the_chat_template_puts_around_it(tmp_path: Path) -> None:
    tokens = load_chat_tokenizer(str(write(tmp_path, chat_template=TEMPLATE)))
    assert tokens.text("How long?") == 3
    # BEGIN, ROLE system END, "Answer briefly .", ROLE user END, "How long ?", ROLE assistant END.
    assert tokens.prompt(ASK) == 1 + 3 + 3 + 3 + 3 + 3


@pytest.mark.parametrize("place", ["a file", "one of several by name"])
def test_the_chat_template_is_found_where_models_keep_it(tmp_path: Path, place: str) -> None:
    several = [{"name": "tools", "template": "x"}, {"name": "default", "template": TEMPLATE}]
    write(tmp_path, bos_token={"content": "BEGIN"}, **({} if place == "a file" else {"chat_template": several}))
    if place == "a file":
        (tmp_path / "chat_template.jinja").write_text(TEMPLATE)
    assert load_chat_tokenizer(str(tmp_path)).prompt(ASK) == 16


@pytest.mark.parametrize(
    "config",
    [{}, {"chat_template": "{% for %}"}, {"chat_template": "{{ raise_exception('never') }}"}, {"chat_template": []}],
    ids=str,
)
def test_a_model_without_a_usable_template_is_refused(tmp_path: Path, config: dict[str, object]) -> None:
    with pytest.raises(InvalidInputError):
        load_chat_tokenizer(str(write(tmp_path, **config)))


def test_a_folder_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError):
        load_chat_tokenizer(str(tmp_path))


def test_a_template_cannot_reach_out_of_its_sandbox(tmp_path: Path) -> None:
    reaching = "{{ messages.__class__.__mro__[1].__subclasses__() }}"
    with pytest.raises(InvalidInputError):
        load_chat_tokenizer(str(write(tmp_path, chat_template=reaching)))


class Words:
    """One token a word."""

    def text(self, text: str) -> int:
        return len(text.split())

    def prompt(self, messages: Sequence[Message]) -> int:
        return sum(self.text(content) for _, content in messages)


def test_tokens_are_estimated_until_the_tokenizer_is_there() -> None:
    now = [0.0]
    tries: list[float] = []

    def load() -> TokenCounter:
        tries.append(now[0])
        if now[0] < 100.0:
            raise InvalidInputError("not yet", code="invalid_model")
        return Words()

    tokens = LateTokens(load, clock=lambda: now[0])
    guessed = EstimatedTokens()
    for now[0] in (1.0, 59.0, 61.0, 90.0):
        assert tokens.text("How long is it?") == guessed.text("How long is it?")
        assert tokens.prompt(ASK) == guessed.prompt(ASK)
    for now[0] in (121.5, 300.0):
        assert tokens.text("How long is it?") == 4
        assert tokens.prompt(ASK) == 4
    assert tries == [0.0, 61.0, 121.5]


def test_the_estimate_is_above_what_english_takes() -> None:
    text = "Employees receive 27 days of annual leave each year, plus public holidays. " * 20
    assert EstimatedTokens().text(text) > 20 * 15  # Llama's own count: 15 a sentence
