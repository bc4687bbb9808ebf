"""Limits on what one person, one key and one address may do; failed attempts count, those that succeed do not."""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import NoReturn

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from retrieval.types import Principal
from services.api import limiter as limits
from services.api.limiter import Limiter, Limits, RateLimitedError
from services.api.routes import single_sign_on
from services.oidc.errors import SignInRefusedError
from services.telemetry import METRICS
from services.window_counters import WindowCounters
from tests.unit.test_window_counters import Clock

ANN, ANNS_OTHER_KEY = (Principal("ann", "ann@example.com", frozenset(), key_id=key) for key in ("k1", "k2"))
ANNS_SESSION = Principal("ann", "ann@example.com", frozenset())
BOB = Principal("bob", "bob@example.com", frozenset(), key_id="k3")
HERE, THERE = "203.0.113.7", "203.0.113.8"


def limiter(
    *,
    clock: Clock | None = None,
    user_requests: int = 0,
    key_requests: int = 0,
    user_questions: int = 0,
    key_questions: int = 0,
    address_failures: int = 0,
    exceeded: Callable[[limits.Said], None] = lambda _: None,
) -> Limiter:
    """With these limits, and none but these."""
    said = Limits(
        user_requests=user_requests,
        key_requests=key_requests,
        user_questions=user_questions,
        key_questions=key_questions,
        address_failures=address_failures,
    )
    return Limiter(WindowCounters(clock=clock or Clock()), said, exceeded=exceeded)


def refused(call: Callable[[], object]) -> RateLimitedError:
    with pytest.raises(RateLimitedError) as error:
        call()
    return error.value


def counted(kind: str) -> float:
    return METRICS.get_sample_value("footnote_rate_limited_total", {"kind": kind}) or 0.0


def test_a_persons_keys_and_sessions_share_one_limit_and_others_have_their_own() -> None:
    limited = limiter(user_requests=3)
    for principal in (ANN, ANNS_OTHER_KEY, ANNS_SESSION):
        limited.request(principal)
    for principal in (ANN, ANNS_OTHER_KEY, ANNS_SESSION):
        error = refused(partial(limited.request, principal))
        assert error.code == "rate_limited"
        assert "you, with all your keys and sessions, may make 3 a minute" in error.message
    limited.request(BOB)


def test_a_key_has_a_limit_of_its_own_that_leaves_its_persons_others_alone() -> None:
    limited = limiter(user_requests=10, key_requests=1)
    limited.request(ANN)
    assert "this API key" in refused(lambda: limited.request(ANN)).message
    limited.request(ANNS_OTHER_KEY)
    limited.request(ANNS_SESSION)
    limited.request(ANNS_SESSION)


def test_questions_are_counted_apart_from_requests() -> None:
    limited = limiter(user_requests=1, user_questions=2, key_questions=1)
    limited.request(ANN)
    limited.question(ANN)
    assert "questions: this API key" in refused(lambda: limited.question(ANN)).message
    limited.question(ANNS_OTHER_KEY)
    assert "questions: you" in refused(lambda: limited.question(ANNS_SESSION)).message


def test_there_is_room_again_when_the_refusal_said_so() -> None:
    clock = Clock()
    limited = limiter(clock=clock, user_requests=1)
    limited.request(ANN)
    clock.now += 20.5
    wait = refused(lambda: limited.request(ANN)).retry_after_s
    assert wait == 40
    clock.now += wait
    limited.request(ANN)


def test_without_a_limit_nothing_is_counted() -> None:
    limited = limiter()
    for _ in range(1000):
        limited.request(ANN)
        limited.question(ANN)
        limited.failure(HERE, "key")


def test_failed_keys_and_failed_sessions_are_limited_for_each_address_and_apart() -> None:
    limited = limiter(address_failures=2)
    for _ in range(2):
        limited.failure(HERE, "key")
    assert "your address" in refused(lambda: limited.failure(HERE, "key")).message
    limited.failure(THERE, "key")
    limited.failure(HERE, "session")


def test_a_limit_that_is_met_is_told_once_a_window_counted_each_time_and_in_no_other_log() -> None:
    clock = Clock()
    told: list[limits.Said] = []
    limited = limiter(clock=clock, user_requests=1, exceeded=told.append)
    before = counted("user")
    with capture_logs() as logs:
        for _ in range(2):
            limited.request(ANN)
            refused(lambda: limited.request(ANN))
            refused(lambda: limited.request(ANNS_SESSION))
            clock.now += 60
    assert told == [{"kind": "user", "who": "ann", "what": "requests", "max": 1}] * 2
    assert counted("user") - before == 4
    assert logs == [], "the audit event has a copy in the process log"


# --- attempts


def fail(limited: Limiter, address: str = HERE, account: str = "") -> None:
    with pytest.raises(ValueError, match="wrong"), limited.sign_in(address, account):
        raise ValueError("wrong")


def test_after_so_many_failures_not_even_the_right_one_is_tried() -> None:
    limited = limiter()
    for _ in range(limits.ATTEMPTS):
        fail(limited)
    with pytest.raises(RateLimitedError) as error, limited.sign_in(HERE):
        pytest.fail("tried")
    assert (error.value.code, error.value.retry_after_s) == ("too_many_attempts", 60)


def test_successes_are_not_counted_and_do_not_forgive_failures() -> None:
    limited = limiter()
    for _ in range(limits.ATTEMPTS - 1):
        fail(limited)
        with limited.sign_in(HERE):
            pass
    fail(limited)
    with pytest.raises(RateLimitedError), limited.sign_in(HERE):
        pytest.fail("tried")


def test_attempts_under_way_count_so_that_many_at_once_gain_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ATTEMPTS", 2)
    limited = limiter()
    with limited.sign_in(HERE), limited.sign_in(HERE), pytest.raises(RateLimitedError), limited.sign_in(HERE):
        pytest.fail("tried")
    with limited.sign_in(HERE), limited.sign_in(HERE):
        pass


def test_each_address_and_each_account_has_its_own_count() -> None:
    limited = limiter()
    for _ in range(limits.ATTEMPTS):
        fail(limited, HERE, "ann@example.com")
    with pytest.raises(RateLimitedError), limited.sign_in(HERE, "ann@example.com"):
        pytest.fail("tried")
    fail(limited, HERE, "bob@example.com")
    fail(limited, THERE, "ann@example.com")


def test_attempts_at_many_accounts_are_limited_for_their_address() -> None:
    limited = limiter(address_failures=3)
    for number in range(3):
        fail(limited, HERE, f"{number}@example.com")
    with pytest.raises(RateLimitedError, match="all accounts"), limited.sign_in(HERE, "another@example.com"):
        pytest.fail("tried")
    fail(limited, THERE, "another@example.com")


def test_failures_are_forgotten_once_the_window_has_passed() -> None:
    clock = Clock()
    limited = limiter(clock=clock)
    for _ in range(limits.ATTEMPTS):
        fail(limited)
    clock.now += 60
    fail(limited)


def test_guesses_at_a_password_to_be_changed_are_limited_for_their_person() -> None:
    limited = limiter()
    for _ in range(limits.ATTEMPTS):
        with pytest.raises(ValueError, match="wrong"), limited.password_change(ANNS_SESSION):
            raise ValueError("wrong")
    with pytest.raises(RateLimitedError), limited.password_change(ANNS_SESSION):
        pytest.fail("tried")
    with limited.password_change(BOB):
        pass


def test_sign_ins_elsewhere_have_the_addresss_limit_and_those_that_succeed_cost_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "BEGUN", 4)
    limited = limiter(address_failures=2)
    for _ in range(3):
        with limited.returned_sign_in(HERE):
            pass
    for _ in range(4):
        limited.begun_sign_in(HERE)  # which is no failure: an office begins many at nine o'clock
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), limited.returned_sign_in(HERE):
            raise ZeroDivisionError
    refused(partial(limited.begun_sign_in, HERE))
    with pytest.raises(RateLimitedError) as error, limited.returned_sign_in(HERE):
        raise AssertionError
    assert error.value.code == "too_many_attempts"
    limited.begun_sign_in(THERE)


def test_a_sign_in_elsewhere_that_is_refused_untried_leaves_nothing_in_the_audit_log() -> None:
    noted: list[str] = []

    def refuse(**_: object) -> NoReturn:
        raise SignInRefusedError("No.", code="oidc_expired")

    app = FastAPI()
    app.include_router(single_sign_on.router)
    app.state.parts = SimpleNamespace(
        single_sign_on=SimpleNamespace(come_back=refuse),
        limiter=limiter(address_failures=2),
        audit_notes=SimpleNamespace(add=lambda event, **_: noted.append(event)),
    )
    browser = TestClient(app, follow_redirects=False)
    back = [browser.get("/v1/sessions/oidc/callback", params={"state": "made up"}) for _ in range(5)]
    assert [answer.headers["location"].partition("error=")[2] for answer in back] == [
        "oidc_expired", "oidc_expired", "too_many_attempts", "too_many_attempts", "too_many_attempts",
    ]  # fmt: skip
    assert noted == ["authn_login_fail"] * 2
