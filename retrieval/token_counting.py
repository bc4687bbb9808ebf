"""How many tokens a text or a prompt has: by the model's own tokenizer and chat template, or estimated.

Knows nothing of servers, or of what prompts say. Llama's own count of a prompt is the server's `usage.prompt_tokens`
to the token (tests/vllm/test_token_counting.py): the template's headers and control tokens are counted with it.
"""

import json
import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn, Protocol

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from retrieval.errors import InvalidInputError

_log = logging.getLogger(__name__)

# Role and content, the roles as LangChain names them.
Message = tuple[str, str]
_ROLES = {"human": "user", "ai": "assistant"}
_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
# A header of four tokens and an end for each message, and one for the answer to come.
_TOKENS_A_MESSAGE = 6
# Llama 3.1's template begins by itself with two lines about dates.
_TOKENS_A_PROMPT = 32
RETRY_SECONDS = 60.0


class TokenCounter(Protocol):
    """Counts tokens."""

    def text(self, text: str) -> int:
        """Tokens of `text` by itself, nothing put around it."""
        ...

    def prompt(self, messages: Sequence[Message]) -> int:
        """Tokens of what the model reads when it is asked with `messages`."""
        ...


class EstimatedTokens:
    """Guesses, on the high side: for a model whose tokenizer is not at hand."""

    def text(self, text: str) -> int:
        """English prose has about 4.5 characters a Llama token, other scripts fewer."""
        ascii_characters = sum(character.isascii() for character in text)
        return round(ascii_characters / 3.6 + (len(text) - ascii_characters) / 1.2) + 1

    def prompt(self, messages: Sequence[Message]) -> int:
        """The texts and what a chat template puts around them."""
        return _TOKENS_A_PROMPT + sum(self.text(content) + _TOKENS_A_MESSAGE for _, content in messages)


class ChatTokenizer:
    """A model's tokenizer and chat template. Safe to call from threads."""

    def __init__(self, tokenizer: Tokenizer, template: str, special_tokens: dict[str, str]) -> None:
        """`special_tokens` by the names that `template` (Jinja) uses, such as `bos_token`.

        Raises InvalidInputError for a template that cannot be rendered.
        """
        self._tokenizer = tokenizer
        self._special = special_tokens
        try:
            self._template = _environment().from_string(template)
            self.prompt([("system", "a"), ("human", "b")])
        except TemplateError as error:
            raise InvalidInputError(f"The chat template cannot be rendered: {error}", code="invalid_model") from error

    def text(self, text: str) -> int:
        """Tokens of `text`. Control tokens written out in it count as one each."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def prompt(self, messages: Sequence[Message]) -> int:
        """Tokens of `messages` in the chat template, up to where the answer begins."""
        turns = [{"role": _ROLES.get(role, role), "content": content} for role, content in messages]
        return self.text(self._template.render(messages=turns, add_generation_prompt=True, **self._special))


class LateTokens:
    """Counts by `load()`'s counter; estimates while that raises InvalidInputError. Safe to call from threads.

    The weights, and the tokenizer beside them, may still be downloading when the assistant starts: it is tried at once,
    and then again when a count is asked for after RETRY_SECONDS.
    """

    def __init__(self, load: Callable[[], TokenCounter], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._load = load
        self._clock = clock
        self._counter: TokenCounter = EstimatedTokens()
        self._loaded = False
        self._again_at = clock()
        self._try()

    def text(self, text: str) -> int:
        """Tokens of `text` by itself."""
        return self._try().text(text)

    def prompt(self, messages: Sequence[Message]) -> int:
        """Tokens of what the model reads when it is asked with `messages`."""
        return self._try().prompt(messages)

    def _try(self) -> TokenCounter:
        if not self._loaded and self._clock() >= self._again_at:
            self._again_at = self._clock() + RETRY_SECONDS
            try:
                self._counter = self._load()
                self._loaded = True
            except InvalidInputError as error:
                _log.warning("tokens are estimated: %s", error)
        return self._counter


def load_chat_tokenizer(model: str) -> ChatTokenizer:
    """The tokenizer and chat template of `model`: a folder, or a name on the model hub.

    Raises InvalidInputError where they cannot be had.
    """
    try:
        folder = _folder(model)
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        template = _template(folder, config)
    except Exception as error:  # the tokenizers library raises bare Exception, the hub's client many kinds
        raise InvalidInputError(f"The tokenizer of {model} cannot be read: {error}", code="invalid_model") from error
    return ChatTokenizer(tokenizer, template, _special_tokens(config))


def _folder(model: str) -> Path:
    folder = Path(model)
    if folder.is_absolute():
        return folder
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - only for a name on the hub

    return Path(snapshot_download(model, allow_patterns=list(_FILES)))


def _template(folder: Path, config: dict[str, Any]) -> str:
    """The chat template: a file of its own, or within the configuration, where there can be several by name."""
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    template = config["chat_template"]
    return str(template if isinstance(template, str) else {one["name"]: one["template"] for one in template}["default"])


def _special_tokens(config: dict[str, Any]) -> dict[str, str]:
    named = {name: config.get(name) for name in ("bos_token", "eos_token", "pad_token", "unk_token")}
    return {name: token["content"] if isinstance(token, dict) else token for name, token in named.items() if token}


def _environment() -> ImmutableSandboxedEnvironment:
    """Jinja as transformers sets it up for chat templates, which is what their authors write for."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)  # noqa: DTZ005 - the model's own day
    return environment


def _refuse(reason: str) -> NoReturn:
    raise TemplateError(reason)
