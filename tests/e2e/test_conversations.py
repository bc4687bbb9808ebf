"""A conversation in the browser: a question edited and asked again by keyboard; a stopped one changes nothing."""

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.e2e.conftest import Up
from tests.e2e.test_web import POLICY, QUESTION, WAIT, shot

EDITED = "Who approves an expense claim?"


def uploaded(page: Page, up: Up) -> None:
    """Send the travel policy and wait until it is ready."""
    page.goto(f"{up.url}/documents")
    page.get_by_test_id("upload-input").set_input_files(POLICY)
    ready = page.locator('[data-testid="document"][data-state="ready"]').filter(has_text=re.compile("travel", re.I))
    ready.first.wait_for(timeout=WAIT)
    page.goto(up.url)


def asked(page: Page, question: str) -> None:
    """Ask at the end of the conversation and wait for the answer."""
    page.locator("textarea").last.fill(question)
    page.keyboard.press("Enter")
    expect(questions(page).last).to_have_text(question, timeout=WAIT)
    settled(page)


def settled(page: Page) -> None:
    expect(page.get_by_test_id("answer").last).to_have_attribute("data-phase", "done", timeout=WAIT)


def questions(page: Page) -> Locator:
    """The questions that are shown."""
    return page.locator("article h2")


def test_a_question_is_edited_and_asked_again_with_the_keyboard(page: Page, up: Up) -> None:
    uploaded(page, up)
    asked(page, QUESTION)
    asked(page, "And for how long are receipts kept?")
    expect(page.get_by_test_id("again")).to_have_count(1)

    edit = page.get_by_test_id("edit").first
    edit.focus()
    page.keyboard.press("Enter")
    field = page.get_by_role("textbox", name="Edit question")
    expect(field).to_be_focused()
    expect(field).to_have_value(QUESTION)
    page.keyboard.press("Escape")
    expect(edit).to_be_focused()

    page.keyboard.press("Enter")
    field.fill(EDITED)
    page.keyboard.press("Enter")
    expect(questions(page)).to_have_text([EDITED], timeout=WAIT)
    settled(page)
    expect(page.get_by_role("textbox", name="Question", exact=True)).to_be_focused()
    expect(page.get_by_test_id("conversation").first).to_contain_text(EDITED.rstrip("?"))

    first = page.get_by_test_id("answer").first.inner_text()
    with page.expect_response("**/v1/ask"):  # until then the old answer stands there, settled
        page.get_by_test_id("again").click()
    settled(page)
    expect(questions(page)).to_have_text([EDITED])
    expect(page.get_by_test_id("answer").first).to_have_text(re.compile(re.escape(first.split("\n")[0][:40])))
    page.reload()
    expect(questions(page)).to_have_text([EDITED], timeout=WAIT)


def test_what_a_stopped_question_was_to_replace_comes_back(page: Page, up: Up) -> None:
    uploaded(page, up)
    asked(page, QUESTION)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/v1/ask", hold)
    page.get_by_test_id("edit").click()
    page.get_by_role("textbox", name="Edit question").fill(EDITED)
    page.keyboard.press("Enter")
    expect(questions(page)).to_have_text([EDITED], timeout=WAIT)
    page.get_by_test_id("stop").click()
    expect(questions(page)).to_have_text([QUESTION, EDITED])
    expect(page.get_by_test_id("answer").first).to_contain_text("30 days")
    assert len(held) == 1
    shot(page, "stopped-edit")
    page.unroute("**/v1/ask")
    page.reload()
    expect(questions(page)).to_have_text([QUESTION], timeout=WAIT)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_editing_looks_right_on_every_screen(browser: Browser, up: Up, scheme: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 860}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(up.footnote("sign-in").strip())
    page.get_by_test_id("composer").wait_for(timeout=WAIT)
    uploaded(page, up)
    asked(page, QUESTION)
    shot(page, f"asked-{scheme}-{width}")
    page.get_by_test_id("edit").click()
    expect(page.get_by_role("textbox", name="Edit question")).to_be_focused()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    shot(page, f"editing-{scheme}-{width}")
    context.close()
