"""How many tokens a model's server reads at once, prompt and answer together: as the server says itself.

Knows nothing of what is asked. A server that is asked for more than it reads refuses, or cuts the prompt in silence.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

# Part of the 10 s in which a hung model has to show (R8), so it is short; a server at work answers in milliseconds.
ASK_SECONDS = 0.5
RETRY_SECONDS = 5.0
# A model that never stops is stopped here; an answer is asked to be a few sentences.
MAX_ANSWER_TOKENS = 700


@dataclass(frozen=True, slots=True)
class Room:
    """Most tokens for a prompt, and for the answer to it."""

    prompt: int
    answer: int = MAX_ANSWER_TOKENS


class ContextWindow:
    """The window of `model` on the server at `base_url`, asked for when first needed. For one event loop.

    `default` is the window of a server that does not say; None: taken to be large enough.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        base_url: str,
        model: str,
        api_key: str | None = None,
        default: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._url = f"{base_url.rstrip('/')}/models"
        self._model = model
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._clock = clock
        self._tokens = default
        self._known = False
        self._again_at = clock()

    async def room(self, prompt: int) -> Room:
        """Room for a prompt of at most `prompt` tokens and an answer, which fit the window together."""
        window = await self.tokens()
        if window is None:
            return Room(prompt)
        answer = min(MAX_ANSWER_TOKENS, window // 4)
        return Room(min(prompt, window - answer), answer)

    async def tokens(self) -> int | None:
        """The window in tokens; None where nobody says. Where the server does not answer: as it was last known."""
        if not self._known and self._clock() >= self._again_at:
            self._again_at = self._clock() + RETRY_SECONDS
            await self._ask()
        return self._tokens

    def forget(self) -> None:
        """Ask anew the next time: the server failed, and what comes up in its place may read less."""
        if self._known:
            self._known = False
            self._again_at = self._clock()

    async def _ask(self) -> None:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                response = await self._http.get(self._url, headers=self._headers)
            listed = response.raise_for_status().json()["data"]
            # A server of one model may list it under another name than it answers to.
            described = next((one for one in listed if one["id"] == self._model), listed[0])
            stated = _stated(described)
        except (TimeoutError, httpx.HTTPError, ValueError, LookupError, TypeError, AttributeError):
            return
        self._known = True
        self._tokens = stated or self._tokens


def _stated(described: Mapping[str, Any]) -> int | None:
    """vLLM and SGLang say `max_model_len`; llama.cpp says `n_ctx` among its `meta`. OpenAI's protocol has no field."""
    meta = described.get("meta")
    told = described.get("max_model_len") or (meta.get("n_ctx") if isinstance(meta, Mapping) else None)
    return told if isinstance(told, int) and told > 0 else None
