"""The chat model behind an OpenAI-compatible server: text out as it comes, or ModelUnavailableError.

Knows nothing of sources, citations or answers. The only file that imports LangChain's client. Whatever a server does
(refuses, hangs, trickles, breaks off, answers nonsense) ends here within the time-outs: a phase that takes too long, a
stream without its end and a malformed body are all the same to the caller. Nothing is tried again once text has come.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from retrieval.breaker import CircuitBreaker, RetryBudget
from retrieval.context_window import MAX_ANSWER_TOKENS, ContextWindow, Room
from retrieval.errors import ModelUnavailableError
from retrieval.merged_events import HELD_SECONDS, merge_events
from retrieval.storable import storable

if TYPE_CHECKING:
    from langchain_core.messages import AIMessageChunk
    from langchain_openai import ChatOpenAI

_log = logging.getLogger(__name__)
# vLLM closes a connection that was idle for 5 s: a question sent at that moment would cost one of the few retries.
KEPT_SECONDS = 2.5
# R8: whoever gives a first token more than this has a model that is slow, and not one that hangs.
FIRST_TOKEN_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that each phase of a call may take. Reliability rule 9; R8: a dead or hung model shows within 10 s.

    Asking for the context window before it (ASK_SECONDS), connecting and the first token make up these 10 s.
    """

    connect: float = 1.5
    first_token: float = FIRST_TOKEN_SECONDS
    between_tokens: float = 6.0
    total: float = 60.0

    @property
    def before_text(self) -> float:
        """Seconds until a first token is given up."""
        return self.connect + self.first_token

    @property
    def are_patient(self) -> bool:
        """Whether a model may think for longer than one does that hangs."""
        return self.first_token > FIRST_TOKEN_SECONDS


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a completion: `cut` where it reached its length limit; tokens are None where the server is silent."""

    cut: bool
    prompt_tokens: int | None
    completion_tokens: int | None


class ModelUnreachableError(ModelUnavailableError):
    """Nothing of the request came to the server."""


class ModelSlowError(ModelUnavailableError):
    """A short completion took too long, of a model that is given more time for an answer: it may be well."""


class ChatModel:
    """One model on one server. For one event loop; close it with `aclose`."""

    def __init__(
        self,
        *,
        base_url: str,
        model: str,
        api_key: str | None = None,
        context_tokens: int | None = None,
        timeouts: Timeouts | None = None,
        http_client: httpx.AsyncClient | None = None,
        breaker: CircuitBreaker | None = None,
        retries: RetryBudget | None = None,
    ) -> None:
        """`context_tokens`: what a server that does not say it reads at once; None: enough."""
        from langchain_openai import ChatOpenAI  # noqa: PLC0415 - 80 MB that an extractive server does without

        self.model = model
        self._timeouts = timeouts or Timeouts()
        limits = httpx.Limits(max_connections=512, max_keepalive_connections=64, keepalive_expiry=KEPT_SECONDS)
        timeout = httpx.Timeout(self._timeouts.total, connect=self._timeouts.connect)
        self._http = http_client or httpx.AsyncClient(
            timeout=timeout,
            limits=limits,
            trust_env=False,
            event_hooks={"response": [merge_events]},
        )
        self._breaker = breaker or CircuitBreaker()
        self._retries = retries or RetryBudget()
        self._constrains = True
        self._window = ContextWindow(
            self._http, base_url=base_url, model=model, api_key=api_key, default=context_tokens
        )
        # Whether a request is tried again is decided by us, so the client's own retries are off. Without `timeout` it
        # would send each request with none, not with those of `_http`.
        self._chat: ChatOpenAI = ChatOpenAI(
            base_url=base_url,
            model=model,
            api_key=api_key or "none",  # type: ignore[arg-type]
            temperature=0.0,
            max_retries=0,
            timeout=timeout,
            stream_usage=True,
            stream_chunk_timeout=None,
            openai_proxy="",
            use_responses_api=False,
            http_async_client=self._http,
        )

    @property
    def is_resting(self) -> bool:
        """Whether it failed so often lately that it is not asked now."""
        return self._breaker.is_open

    async def room(self, prompt: int) -> Room:
        """Room for a prompt of at most `prompt` tokens and its answer within what the server reads at once."""
        return await self._window.room(prompt)

    async def stream(
        self, messages: Sequence[tuple[str, str]], *, sources: int | None = None, max_tokens: int = MAX_ANSWER_TOKENS
    ) -> AsyncGenerator[str | Finished, None]:
        """Yield the completion in pieces, then one Finished. Closing the generator ends the request at once.

        With `sources`, text in square brackets can only be a marker [1] to [sources] where the server can constrain
        generation. Raises ModelUnavailableError, at any point.
        """
        if not self._breaker.allows():
            raise ModelUnreachableError("The language model has failed several times in a row and is given a rest.")
        self._retries.called()
        deadline = asyncio.get_running_loop().time() + self._timeouts.total
        constrained = sources if sources and self._constrains else None
        while True:
            call = _Call(self._chat, messages, max_tokens, constrained)
            begun = False
            try:
                async with contextlib.aclosing(call.pieces(self._timeouts, deadline)) as pieces:
                    async for piece in pieces:
                        begun = True
                        yield piece
            except _RefusedError as error:
                if constrained is None:
                    self._window.forget()
                    raise ModelUnavailableError(f"The language model refused the request: {error}") from error
                constrained = None
            except ModelUnavailableError:
                if begun or not call.worth_a_retry or not self._retries.takes():
                    self._breaker.failed()
                    self._window.forget()
                    raise
            else:
                self._breaker.succeeded()
                if sources and self._constrains and constrained is None:
                    _log.warning("the model's server does not constrain generation; going on without")
                    self._constrains = False
                return

    async def complete(
        self, messages: Sequence[tuple[str, str]], *, max_tokens: int, seconds: float
    ) -> tuple[str, Finished]:
        """Return a short completion, whole, within `seconds`. Raises ModelUnavailableError.

        Where the time-outs are patient, taking longer is a ModelSlowError and counts as no failure.
        """
        text = ""
        stream = self.stream(messages, max_tokens=max_tokens)
        try:
            async with asyncio.timeout(seconds), contextlib.aclosing(stream):
                async for piece in stream:
                    if isinstance(piece, Finished):
                        return text, piece
                    text += piece
        except TimeoutError as error:
            message = f"The language model took more than {seconds:.0f} s."
            if self._timeouts.are_patient:
                self._breaker.undecided()
                raise ModelSlowError(message) from error
            self._breaker.failed()
            raise ModelUnavailableError(message) from error
        raise ModelUnavailableError("The language model's answer broke off.")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()


class _RefusedError(Exception):
    """The server says that the request itself is wrong (400, 422)."""


class _Call:
    """One HTTP request: a task reads the stream and a queue hands it over, so that ending the task ends the request.

    (An async generator that is closed between two pieces leaves its inner generators to the garbage collector; a task
    that is cancelled unwinds them all, and the connection is closed before the next line runs.)
    """

    def __init__(
        self, chat: "ChatOpenAI", messages: Sequence[tuple[str, str]], max_tokens: int, sources: int | None
    ) -> None:
        self._chat = chat
        self._messages = list(messages)
        # `max_tokens` rather than LangChain's `max_completion_tokens`: every compatible server knows it.
        self._body: dict[str, Any] = {"max_tokens": max_tokens}
        if sources is not None:
            self._body["structured_outputs"] = {"regex": citation_regex(sources)}
        self._max_characters = max_tokens * 12
        self._queue: asyncio.Queue[AIMessageChunk | Exception | None] = asyncio.Queue()
        self.worth_a_retry = False

    async def pieces(self, timeouts: Timeouts, deadline: float) -> AsyncGenerator[str | Finished, None]:
        """Yield what comes, each wait limited. Raises ModelUnavailableError or _RefusedError."""
        task = asyncio.create_task(self._read())
        reason, usage, length = None, None, 0
        patience = timeouts.before_text
        try:
            while (chunk := await self._next(patience, deadline)) is not None:
                usage = chunk.usage_metadata or usage
                reason = chunk.response_metadata.get("finish_reason") or reason
                if text := storable(chunk.text):
                    patience = timeouts.between_tokens + HELD_SECONDS
                    length += len(text)
                    yield text
                if length > self._max_characters:
                    reason = "length"
                    break
        finally:
            task.cancel()
            # This raises nothing of the task's own. A cancellation here is the caller's, who must not be kept going.
            await asyncio.wait([task])
        if reason is None:
            raise ModelUnavailableError("The language model's answer broke off.")
        tokens = (usage["input_tokens"], usage["output_tokens"]) if usage else (None, None)
        yield Finished(reason == "length", *tokens)

    async def _next(self, patience: float, deadline: float) -> "AIMessageChunk | None":
        left = deadline - asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(min(patience, left)):
                item = await self._queue.get()
        except TimeoutError as error:
            raise ModelUnavailableError("The language model takes too long.") from error
        if isinstance(item, Exception):
            raise self._translated(item) from item
        return item

    async def _read(self) -> None:
        from langsmith import tracing_context  # noqa: PLC0415 - comes with LangChain, as heavy

        try:
            # Prompts hold documents: they go to the model's server and nowhere else, whatever LANGSMITH_TRACING says.
            with tracing_context(enabled=False):
                async for chunk in self._chat.astream(self._messages, extra_body=self._body):
                    self._queue.put_nowait(chunk)
            self._queue.put_nowait(None)
        except Exception as error:  # a server may send anything: whatever it breaks is the server's failure
            self._queue.put_nowait(error)

    def _translated(self, error: Exception) -> Exception:
        import openai  # noqa: PLC0415 - comes with LangChain's client

        if isinstance(error, openai.BadRequestError | openai.UnprocessableEntityError):
            return _RefusedError(str(error)[:300])
        status = error.status_code if isinstance(error, openai.APIStatusError) else None
        refused = isinstance(error, openai.APIConnectionError) and not isinstance(error, openai.APITimeoutError)
        unconnected = _took_no_connection(error)  # no retry: it would only make the wait longer
        self.worth_a_retry = refused or status in (502, 503)
        _log.warning("the language model failed: %s", type(error).__name__, extra={"status": status})
        kind = ModelUnreachableError if refused or unconnected else ModelUnavailableError
        return kind(f"The language model is not available ({type(error).__name__}).")


def _took_no_connection(error: BaseException | None) -> bool:
    """Whether connecting timed out: LangChain's error wraps the client's, and that one httpx's."""
    return isinstance(error, httpx.ConnectTimeout) or (error is not None and _took_no_connection(error.__cause__))


def citation_regex(sources: int) -> str:
    """A pattern for generation: any prose, but brackets only as markers from [1] to [sources].

    A regex, not a grammar, and classes of digits side by side, not a group of numbers: vLLM runs this one as fast as no
    constraint, and either of the others at an eighth or less (tests/vllm/test_overhead.py).
    """
    tens, ones = divmod(sources, 10)
    markers = [rf"\[{ten or ''}[{0 if ten else 1}-{ones if ten == tens else 9}]\]" for ten in range(tens + 1)]
    return rf"([^\[\]]|{'|'.join(markers)})*"
