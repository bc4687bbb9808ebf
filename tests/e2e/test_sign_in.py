"""Signing in at a provider on another site, in a real browser: there and back, and told what went wrong."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import SHOTS, Up, running
from tests.identity_provider import CLIENT, SECRET, IdentityProvider, identity_provider

WAIT = 60_000
ANN = {"sub": "ann-1", "email": "ann@example.com", "email_verified": True, "name": "Ann Miller", "groups": ["HR"]}


@pytest.fixture(scope="module")
def idp() -> Iterator[IdentityProvider]:
    with identity_provider() as started:
        # A site of its own: cookies that hold for 127.0.0.1 alone have to come back from there.
        started.issuer = started.issuer.replace("127.0.0.1", "localhost")
        yield started


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory, model_cache: Path, idp: IdentityProvider) -> Iterator[Up]:
    settings = {"ISSUER": idp.issuer, "CLIENT_ID": CLIENT, "CLIENT_SECRET": SECRET, "NAME": "Acme"}
    said = {f"FOOTNOTE_OIDC_{name}": value for name, value in settings.items()}
    with running(tmp_path_factory, model_cache, **said) as started:
        yield started


@pytest.fixture
def visitor(browser: Browser, company: Up) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    yield context.new_page()
    context.close()


def test_somebody_signs_in_at_the_provider_and_goes_on_where_they_wanted(
    visitor: Page, company: Up, idp: IdentityProvider
) -> None:
    idp.person = dict(ANN)
    visitor.goto(f"{company.url}/documents?q=leave")
    link = visitor.get_by_role("link", name="Sign in with Acme")
    link.wait_for(timeout=WAIT)
    SHOTS.mkdir(exist_ok=True)
    visitor.screenshot(path=SHOTS / "sign-in.png")
    link.focus()
    visitor.keyboard.press("Enter")
    visitor.wait_for_url(f"{company.url}/documents?q=leave", timeout=WAIT)
    expect(visitor.get_by_test_id("account-menu")).to_contain_text("Ann Miller", timeout=WAIT)


def test_who_cancels_is_told_so_and_signs_in_after_all(visitor: Page, company: Up, idp: IdentityProvider) -> None:
    idp.person = None
    visitor.goto(f"{company.url}/sign-in")
    visitor.get_by_test_id("sign-in-oidc").click(timeout=WAIT)
    expect(visitor.get_by_role("alert")).to_contain_text("cancelled", timeout=WAIT)
    assert re.search(r"/sign-in\?error=oidc_cancelled$", visitor.url)
    idp.person = dict(ANN)
    visitor.get_by_test_id("sign-in-oidc").click(timeout=WAIT)
    visitor.get_by_test_id("composer").wait_for(timeout=WAIT)
