"""What a person does in the browser: sign in, upload, ask, read a cited answer, open the passage; and a refusal."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import SHOTS, Up

CORPUS = Path(__file__).parents[1] / "corpus" / "documents"
POLICY = CORPUS / "travel-and-expenses-policy.pdf"
QUESTION = "Within how many days do I have to submit an expense claim?"
WAIT = 60_000


@pytest.fixture
def policy(page: Page, up: Up) -> Page:
    """The page, once the travel policy is ready in the list of documents."""
    page.goto(f"{up.url}/documents")
    ready = (
        page.locator('[data-testid="document"][data-state="ready"]').filter(has_text=re.compile("travel", re.I)).first
    )
    page.get_by_test_id("upload-input").set_input_files(POLICY)
    ready.wait_for(timeout=WAIT)
    return page


def ask(page: Page, up: Up, question: str) -> None:
    page.goto(up.url)
    page.get_by_test_id("question").fill(question)
    page.keyboard.press("Enter")


def shot(page: Page, name: str) -> None:
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png")


def test_an_uploaded_pdf_is_asked_and_its_cited_passage_opens_highlighted(policy: Page, up: Up) -> None:
    page = policy
    shot(page, "documents")
    ask(page, up, QUESTION)
    answer = page.get_by_test_id("answer")
    citation = answer.get_by_test_id("citation").first
    citation.wait_for(timeout=WAIT)
    expect(answer.get_by_test_id("sentence").first).to_contain_text("30 days")
    how_found = page.get_by_test_id("how-found")
    how_found.click()
    expect(page.get_by_test_id("place").first).to_contain_text(re.compile("travel", re.I), timeout=WAIT)
    shot(page, "explanation")
    how_found.click()
    citation.hover()
    popover = page.get_by_test_id("popover")
    expect(popover).to_contain_text("30 days", timeout=WAIT)
    shot(page, "answer")
    citation.click()
    page.wait_for_url("**/documents/**")
    highlight = page.get_by_test_id("highlight").first
    expect(highlight).to_contain_text("30 days", timeout=WAIT)
    expect(highlight).to_be_in_viewport()
    shot(page, "passage")


def test_a_question_without_evidence_is_refused(policy: Page, up: Up) -> None:
    ask(policy, up, "What is the boiling point of tungsten hexafluoride?")
    expect(policy.get_by_test_id("refusal")).to_be_visible(timeout=WAIT)
    shot(policy, "refusal")


def test_a_question_that_may_mean_several_documents_is_asked_back(page: Page, up: Up, tmp_path: Path) -> None:
    page.goto(f"{up.url}/documents")
    for site in ("Porto", "Oslo"):
        file = tmp_path / f"{site.lower()}-canteen.md"
        file.write_text(
            f"# {site} canteen\n\nThe canteen in {site} serves lunch to all who work there, every day at noon."
        )
        page.get_by_test_id("upload-input").set_input_files(file)
        ready = page.locator('[data-testid="document"][data-state="ready"]').filter(has_text=f"{site} canteen")
        ready.first.wait_for(timeout=WAIT)
    ask(page, up, "Who repairs the dishwasher in the canteen?")
    refusal = page.get_by_test_id("refusal")
    expect(refusal).to_have_attribute("data-reason", "unclear_question", timeout=WAIT)
    shot(page, "asked-back")
    refusal.get_by_role("button", name="Porto canteen").click()
    expect(page.locator("article h2")).to_have_text(re.compile(r"in the canteen\? \(Porto canteen\)$"), timeout=WAIT)
    expect(page.get_by_test_id("answer")).to_have_attribute("data-phase", "done", timeout=WAIT)


def test_a_file_that_cannot_be_read_shows_why(page: Page, up: Up, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(POLICY.read_bytes()[:2000])
    page.goto(f"{up.url}/documents")
    page.get_by_test_id("upload-input").set_input_files(broken)
    failed = page.locator('[data-testid="document"][data-state="failed"]').first
    failed.wait_for(timeout=WAIT)
    expect(failed.get_by_test_id("reason")).not_to_be_empty()
    shot(page, "failed")


def test_a_conversation_is_found_again_after_a_reload(policy: Page, up: Up) -> None:
    ask(policy, up, QUESTION)
    policy.get_by_test_id("citation").first.wait_for(timeout=WAIT)
    policy.wait_for_url("**/c/**")
    policy.reload()
    expect(policy.get_by_test_id("answer").first).to_contain_text("30 days", timeout=WAIT)


def test_a_sign_in_link_works_once_and_says_so(browser: Browser, up: Up) -> None:
    link = up.footnote("sign-in").strip()
    for expected in ("composer", "error"):
        context = browser.new_context()
        page = context.new_page()
        page.goto(link)
        expect(page.get_by_test_id(expected).first).to_be_visible(timeout=WAIT)
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_telephone_shows_it_without_scrolling_sideways(browser: Browser, up: Up, scheme: str) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 780}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(up.footnote("sign-in").strip())
    page.get_by_test_id("composer").wait_for(timeout=WAIT)
    for path in ("/", "/documents", "/data-sources", "/users", "/operations"):
        page.goto(up.url + path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        shot(page, f"phone-{scheme}{path.replace('/', '-')}")
    context.close()
