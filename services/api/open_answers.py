"""The answers under way in this process: how many there may be, and how they end when it is to stop.

Knows nothing of how answers are made or shown. Rather a clear "not now" at once than a queue in which everybody waits;
and no answer is cut without a last word.
"""

import asyncio
from collections.abc import AsyncGenerator
from types import TracebackType
from weakref import WeakSet

from retrieval.errors import OverloadedError, UnavailableError
from retrieval.types import AnswerEvent
from services.telemetry import OPEN_ANSWERS


class StoppingError(UnavailableError):
    code = "server_stopping"


class OpenAnswers:
    """At most `most` answers at a time, and `searching` of them without a first event. For one event loop."""

    def __init__(self, *, most: int, searching: int) -> None:
        self._most = most
        self._searching = searching
        self._open: WeakSet[OpenAnswer] = WeakSet()
        self.ends_at: float | None = None
        """By the event loop's clock, once the process was told to stop."""
        OPEN_ANSWERS.set_function(lambda: len(self._open))

    @property
    def draining(self) -> bool:
        """Whether the process is to stop, so that nobody new should come."""
        return self.ends_at is not None

    def admit(self, events: AsyncGenerator[AnswerEvent, None]) -> "OpenAnswer":
        """Count an answer in. It counts out when it ends, is closed, or is dropped.

        Raises OverloadedError(code="too_busy") where there are enough.
        """
        searching = sum(not answer.has_begun for answer in self._open)
        if len(self._open) >= self._most or searching >= self._searching:
            raise OverloadedError("Too many questions are being answered. Ask again in a moment.", code="too_busy")
        answer = OpenAnswer(events, self)
        self._open.add(answer)
        return answer

    def drain(self, seconds: float) -> None:
        """Let the answers under way end; after so many seconds each one says that it was ended."""
        self.ends_at = asyncio.get_running_loop().time() + seconds
        for answer in list(self._open):
            answer.end_at(self.ends_at)

    def closed(self, answer: "OpenAnswer") -> None:
        """It counts no more."""
        self._open.discard(answer)


class OpenAnswer(AsyncGenerator[AnswerEvent, None]):
    """An answer's events, counted. Raises StoppingError in their place when the process has waited long enough."""

    def __init__(self, events: AsyncGenerator[AnswerEvent, None], among: OpenAnswers) -> None:
        self._events = events
        self._among = among
        self._waiting: asyncio.Timeout | None = None
        self.has_begun = False

    async def asend(self, value: None) -> AnswerEvent:
        """The next event."""
        waiting = self._waiting = asyncio.timeout_at(self._among.ends_at)
        try:
            async with waiting:
                event = await self._events.asend(value)
        except TimeoutError as error:
            await self.aclose()
            if not waiting.expired():
                raise
            raise StoppingError("The server is being restarted. Ask again in a moment.") from error
        except BaseException:
            self._among.closed(self)
            raise
        finally:
            self._waiting = None
        self.has_begun = True
        return event

    async def athrow(
        self,
        kind: type[BaseException] | BaseException,
        value: BaseException | object = None,
        trace: TracebackType | None = None,
        /,
    ) -> AnswerEvent:
        """As any generator's."""
        self._among.closed(self)
        return await self._events.athrow(kind, value, trace)  # type: ignore[arg-type]

    async def aclose(self) -> None:
        """End it: the model is freed."""
        self._among.closed(self)
        await self._events.aclose()

    def end_at(self, moment: float) -> None:
        """Wait for the next event no longer than until then."""
        if self._waiting is not None:
            self._waiting.reschedule(moment)
