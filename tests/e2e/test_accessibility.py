"""What somebody meets who has a small telephone, no pointer, or no eyes for what changes elsewhere on the page."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Up
from tests.e2e.test_conversations import asked, uploaded
from tests.e2e.test_web import QUESTION, WAIT, shot

# Whether what has the focus is in sight: on the screen, and behind nothing else.
IN_SIGHT = """() => {
  const focused = document.activeElement;
  const { left, top, width, height } = focused.getClientRects()[0];
  const shown = document.elementFromPoint(left + Math.min(width, 20) / 2, top + Math.min(height, 20) / 2);
  return shown !== null && (focused.contains(shown) || shown.contains(focused));
}"""
FOCUSED = "document.activeElement.getAttribute('aria-label') || document.activeElement.innerText"


@pytest.fixture
def telephone(browser: Browser, up: Up) -> Iterator[Page]:
    """A signed-in page on a telephone of 360 by 640, in the dark, with a finger for a pointer."""
    context = browser.new_context(
        viewport={"width": 360, "height": 640}, color_scheme="dark", has_touch=True, is_mobile=True
    )
    page = context.new_page()
    page.goto(up.footnote("sign-in").strip())
    page.get_by_test_id("composer").wait_for(timeout=WAIT)
    yield page
    context.close()


def test_the_keyboard_comes_to_nothing_behind_the_question_field(telephone: Page, up: Up) -> None:
    page = telephone
    uploaded(page, up)
    asked(page, QUESTION)
    asked(page, "And for how long are receipts kept?")
    page.evaluate("window.scrollTo(0, 0)")
    page.locator("#main").focus()
    reached: list[str] = []
    while page.evaluate("!document.activeElement.matches('textarea')"):
        page.keyboard.press("Tab")
        page.wait_for_timeout(50)  # the page scrolls to it
        reached.append(page.evaluate(FOCUSED))
        assert page.evaluate(IN_SIGHT), reached
        assert len(reached) < 60, reached
    assert len(reached) > 8, reached


def test_a_message_on_a_telephone_leaves_the_question_field_free(telephone: Page, up: Up) -> None:
    page = telephone
    uploaded(page, up)
    asked(page, QUESTION)
    page.get_by_test_id("feedback-down").click()
    page.get_by_label("What was wrong?").fill("Out of date")
    page.get_by_role("button", name="Send", exact=True).first.click()
    page.get_by_text("Thank you").first.wait_for(timeout=WAIT)
    shot(page, "phone-message")
    page.get_by_test_id("question").click(timeout=2_000)  # Playwright refuses where something lies over it


def test_the_menu_of_a_telephone_gives_the_focus_back_or_to_the_page_that_was_chosen(telephone: Page) -> None:
    page = telephone
    page.get_by_role("button", name="Open menu").click()
    shot(page, "phone-menu")
    page.get_by_role("button", name="Close menu").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Open menu")).to_be_focused()
    page.get_by_role("button", name="Open menu").click()
    page.get_by_role("dialog").get_by_role("link", name="Documents").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("main")).to_be_focused()


def test_a_document_that_is_deleted_says_so_and_leaves_the_focus_in_the_list(page: Page, up: Up) -> None:
    page.goto(f"{up.url}/documents")
    for name in ("first-note.txt", "second-note.txt"):
        file = {"name": name, "mimeType": "text/plain", "buffer": f"This is the {name}.".encode()}
        page.get_by_test_id("upload-input").set_input_files(file)  # type: ignore[arg-type]
        page.locator('[data-testid="document"][data-state="ready"]').filter(has_text=name).wait_for(timeout=WAIT)
    page.get_by_role("button", name="More about “first-note.txt”").press("Enter")
    page.get_by_role("menuitem", name="Delete").press("Enter")
    page.get_by_test_id("confirm").press("Enter")
    expect(page.get_by_text("“first-note.txt” is deleted").first).to_be_visible(timeout=WAIT)
    expect(page.locator('[data-testid="document"]').filter(has_text="first-note.txt")).to_have_count(0)
    expect(page.get_by_role("region", name="Documents", exact=True)).to_be_focused()
