"""A chat completion's request as our question and its history. Knows nothing of HTTP or of how answers are made."""

from typing import Any

from retrieval.errors import InvalidInputError, NotFoundError
from retrieval.types import Turn
from services.api import schemas
from services.api.asking import HISTORY
from services.api.openai_schemas import MODEL, ChatMessage, ChatOptions, ChatRequest

# They ask for another wording, or for accounting: an answer is no worse without them.
IGNORED = frozenset(
    "temperature top_p seed max_tokens max_completion_tokens presence_penalty frequency_penalty user metadata "
    "service_tier parallel_tool_calls safety_identifier prompt_cache_key prompt_cache_retention reasoning_effort "
    "verbosity".split()
)
# Others ask for something that we do not do, but not at these values, which some clients always send.
WITHOUT_EFFECT: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "response_format": ({"type": "text"},),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "logit_bias": ({},),
    "stop": ([], ""),
    "modalities": (["text"],),
}
# The product's own prompt says what an answer is: a caller's does not replace it.
INSTRUCTIONS = frozenset({"system", "developer"})
MAX_TURN_CHARACTERS = 4000


class ParameterError(InvalidInputError):
    """A parameter that cannot be taken; `param` names it."""

    code = "unsupported_parameter"

    def __init__(self, message: str, *, param: str, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.param = param


class UnknownModelError(NotFoundError):
    code = "model_not_found"
    param = "model"


def checked_model(name: str) -> None:
    """Raises UnknownModelError for every model but the one."""
    if name != MODEL:
        raise UnknownModelError(f"There is no such model here: the one to ask is '{MODEL}'.")


def question_of(request: ChatRequest) -> tuple[schemas.AskRequest, list[Turn]]:
    """The last message, which has to be the user's, and the turns before it.

    Raises UnknownModelError, ParameterError, ValidationError for a question that is empty or too long.
    """
    checked_model(request.model)
    _check_parameters(request.model_extra or {})
    turns = [_turn(number, message) for number, message in enumerate(request.messages)]
    said = [turn for turn in turns if turn.role not in INSTRUCTIONS]
    if not said or said[-1].role != "user":
        raise ParameterError("The last message has to be the user's question.", param="messages", code="no_question")
    history = [Turn(turn.role, turn.content[:MAX_TURN_CHARACTERS]) for turn in said[:-1]][-HISTORY:]
    chosen = request.footnote or ChatOptions()
    return schemas.AskRequest(question=said[-1].content, filters=chosen.filters, top_k=chosen.top_k), history


def _check_parameters(given: dict[str, Any]) -> None:
    for name, value in given.items():
        if value is None or name in IGNORED or value in WITHOUT_EFFECT.get(name, ()):
            continue
        raise ParameterError(f"'{name}' is not supported here with this value: leave it out.", param=name)


def _turn(number: int, message: ChatMessage) -> Turn:
    param = f"messages.{number}"
    if message.role not in INSTRUCTIONS | {"user", "assistant"}:
        raise ParameterError("Messages come from system, developer, user or assistant.", param=f"{param}.role")
    if message.content is None or isinstance(message.content, str):
        return Turn(message.role, message.content or "")
    texts = [part.get("text") for part in message.content if part.get("type") == "text"]
    if len(texts) < len(message.content) or not all(isinstance(text, str) for text in texts):
        raise ParameterError("Of a message's parts, only texts can be read.", param=f"{param}.content")
    return Turn(message.role, "\n".join(map(str, texts)))
