"""OpenAI's shapes of a chat completion, as far as a cited answer fills them. Knows nothing of how answers are made.

What a request holds beyond these fields is judged in `services/api/openai_requests.py`: ignored or refused by name.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.api import schemas

MODEL = "footnote"


class ChatMessage(BaseModel):
    """One message; `content` is a text, or parts of which each is a text."""

    model_config = ConfigDict(extra="ignore")  # clients send back what they were sent, with fields of their own

    role: str
    content: str | list[dict[str, Any]] | None = None


class StreamOptions(BaseModel):
    """`include_usage` asks for a last chunk with the token counts."""

    include_usage: bool | None = None


class ChatOptions(schemas.Request):
    """As for `/v1/ask`: which documents are looked at, and how many passages are sources."""

    filters: schemas.Filters = schemas.Filters()
    top_k: schemas.Whole = Field(default=8, ge=1, le=50)


class ChatRequest(BaseModel):
    """A question with its history. `store` keeps it as a conversation, so that it can be explained and rated;
    `footnote` holds what OpenAI's protocol has no words for.

    Sampling parameters are accepted and ignored. Tools, response formats, several choices and whatever else would
    change the answer's form are refused.
    """

    model_config = ConfigDict(extra="allow")

    model: str
    messages: list[ChatMessage] = Field(min_length=1, max_length=1000)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    store: bool | None = None
    footnote: ChatOptions | None = None


class Tokens(schemas.Response):
    """What the answer cost the language model; zeros where none was called."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class AssistantMessage(schemas.Response):
    """The answer's text with its numbered citations, or what a refusal says."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class Choice(schemas.Response):
    """The one answer."""

    index: int = 0
    message: AssistantMessage
    finish_reason: Literal["stop"] = "stop"
    logprobs: None = None


class ChatCompletion(schemas.Response):
    """A chat completion; `footnote` is the whole Answer: sentences, citations with quotes, sources."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str = MODEL
    choices: list[Choice]
    usage: Tokens
    footnote: schemas.Answer


class Model(schemas.Response):
    """What one asks."""

    id: str = MODEL
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "footnote"


class Models(schemas.Response):
    """The one model that there is."""

    object: Literal["list"] = "list"
    data: list[Model]


class Error(schemas.Response):
    """OpenAI's form of an error; `code` is stable, `param` names what it is about."""

    message: str
    type: str
    code: str
    param: str | None


class ErrorBody(schemas.Response):
    """An error as a body."""

    error: Error
