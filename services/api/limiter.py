"""How much one person, one key and one address may do within a minute. Knows nothing of HTTP, nor of who counts.

A key's own limit is asked before its person's, so that a program that runs away is named by its key.
"""

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from retrieval.errors import OverloadedError
from retrieval.types import Principal
from services.telemetry import RATE_LIMITED
from services.window_counters import Counter, Full, WindowCounters

ATTEMPTS = 10
# Nobody who begins a sign-in has failed: this only bounds what is remembered of one address.
BEGUN = 3000
Credential = Literal["key", "session"]
Said = Mapping[str, object]
_YOURS = {"user": "you, with all your keys and sessions,", "key": "this API key", "address": "your address"}


class RateLimitedError(OverloadedError):
    """Too much within this window; in `retry_after_s` whole seconds there is room again."""

    code = "rate_limited"

    def __init__(self, message: str, *, retry_after_s: int, code: str | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many a minute; 0: as many as come. `address_failures` are of each kind of credential."""

    user_requests: int
    key_requests: int
    user_questions: int
    key_questions: int
    address_failures: int


@dataclass(frozen=True, slots=True)
class _Budget:
    """How many (`limit`) of what (`what`) whose; `apart` keeps several of one address apart and is never shown."""

    kind: Literal["user", "key", "address"]
    who: str
    what: str
    limit: int
    apart: str = ""

    @property
    def name(self) -> str:
        """Says nothing of persons or addresses to whoever reads the counts, and has the same length for all."""
        said = "\n".join((self.kind, self.who, self.what, self.apart))
        return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()


class Limiter:
    """Counts, and refuses what is too much. What is refused does not count."""

    def __init__(
        self, counters: WindowCounters, limits: Limits, *, exceeded: Callable[[Said], None] = lambda _: None
    ) -> None:
        """`exceeded` hears of a limit when it begins to refuse somebody, once a window."""
        self._counters = counters
        self._limits = limits
        self._exceeded = exceeded

    def request(self, principal: Principal) -> None:
        """One request of somebody known. Raises RateLimitedError."""
        self._take(_of(principal, "requests", key=self._limits.key_requests, user=self._limits.user_requests))

    def question(self, principal: Principal) -> None:
        """One question, in whatever protocol it was asked. Raises RateLimitedError."""
        self._take(_of(principal, "questions", key=self._limits.key_questions, user=self._limits.user_questions))

    def failure(self, address: str, credential: Credential) -> None:
        """A request from `address` whose key or session is none. Raises RateLimitedError.

        Each kind counts for itself: a program with an old key keeps nobody at its address from signing in.
        """
        what = f"requests with a {credential} that is not valid"
        self._take([_Budget("address", address, what, self._limits.address_failures)])

    @contextmanager
    def sign_in(self, address: str, account: str = "") -> Iterator[None]:
        """One attempt to sign in, to `account` where one is named; one that succeeds costs nothing.

        It failed if it raises, and counts as failed while it is under way. Raises RateLimitedError,
        `too_many_attempts`.
        """
        with self._attempt(
            [
                _Budget("address", address, "attempts", ATTEMPTS, apart=account),
                _Budget("address", address, "attempts at all accounts", self._limits.address_failures),
            ]
        ):
            yield

    def begun_sign_in(self, address: str) -> None:
        """A browser that is sent to the sign-in provider. Raises RateLimitedError."""
        self._take([_Budget("address", address, "sign-ins begun", BEGUN)])

    @contextmanager
    def returned_sign_in(self, address: str) -> Iterator[None]:
        """A browser that comes back from there, as `sign_in`: many people may share an address."""
        with self._attempt([_Budget("address", address, "sign-ins elsewhere", self._limits.address_failures)]):
            yield

    @contextmanager
    def password_change(self, principal: Principal) -> Iterator[None]:
        """One attempt to name one's present password, as `sign_in`."""
        with self._attempt([_Budget("user", principal.user_id, "attempts", ATTEMPTS)]):
            yield

    @contextmanager
    def _attempt(self, budgets: Sequence[_Budget]) -> Iterator[None]:
        taken = self._take(budgets, code="too_many_attempts")
        yield
        self._counters.give_back(taken)

    def _take(self, budgets: Sequence[_Budget], *, code: str | None = None) -> list[Counter]:
        limited = [budget for budget in budgets if budget.limit]
        taken = self._counters.take([(budget.name, budget.limit) for budget in limited])
        if not isinstance(taken, Full):
            return taken
        budget, wait = limited[taken.place], max(1, math.ceil(taken.ends_in_s))
        RATE_LIMITED.labels(budget.kind).inc()
        if taken.is_news:
            self._exceeded({"kind": budget.kind, "who": budget.who, "what": budget.what, "max": budget.limit})
        message = (
            f"Too many {budget.what}: {_YOURS[budget.kind]} may make {budget.limit} a minute. Try again in {wait} s."
        )
        raise RateLimitedError(message, retry_after_s=wait, code=code)


def _of(principal: Principal, what: str, *, key: int, user: int) -> list[_Budget]:
    of_user = _Budget("user", principal.user_id, what, user)
    return [_Budget("key", principal.key_id, what, key), of_user] if principal.key_id else [of_user]
