"""What somebody sees who feeds it: states that change without a reload, reasons, retries; data sources; operations."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Up
from tests.e2e.test_web import CORPUS, WAIT, shot

BROKEN = b"%PDF-1.7\nthis is no document"
# Marks the page: a reload would lose it.
MARK, MARKED = "window.unreloaded = true", "window.unreloaded === true"


@pytest.fixture
def watched(page: Page, up: Up) -> Page:
    """The list of documents, which must change by itself from here on."""
    page.goto(f"{up.url}/documents")
    page.get_by_test_id("upload-input").wait_for(state="attached")
    page.evaluate(MARK)
    return page


def document(title: str) -> str:
    return f'[data-testid="document"]:has-text("{title}")'


def test_several_documents_become_ready_or_say_why_not_without_a_reload(watched: Page, up: Up, tmp_path: Path) -> None:
    page = watched
    broken = tmp_path / "torn-contract.pdf"
    broken.write_bytes(BROKEN)
    files = [CORPUS / "it-faq.html", CORPUS / "supplier-list.csv", CORPUS / "telemetry-runbook.md", broken]
    page.get_by_test_id("upload-input").set_input_files(files)
    for title in ("IT questions and answers", "supplier-list", "Telemetry"):
        expect(page.locator(document(title)).first).to_have_attribute("data-state", "ready", timeout=WAIT)
    failed = page.locator(document("torn-contract.pdf")).first
    expect(failed).to_have_attribute("data-state", "failed", timeout=WAIT)
    expect(failed.get_by_test_id("reason")).to_contain_text("send it again")  # what to do, behind what is wrong
    expect(page.get_by_test_id("upload")).to_have_count(4)
    expect(page.get_by_test_id("queue-line")).to_have_count(0, timeout=WAIT)
    assert page.evaluate(MARKED)
    shot(page, "documents-states")


def test_a_failed_document_is_tried_again_by_its_button_and_fails_again(watched: Page, tmp_path: Path) -> None:
    page = watched
    broken = tmp_path / "retried.pdf"
    broken.write_bytes(BROKEN)
    page.get_by_test_id("upload-input").set_input_files(broken)
    row = page.locator(document("retried.pdf")).first
    expect(row).to_have_attribute("data-state", "failed", timeout=WAIT)
    with page.expect_response(lambda response: response.url.endswith("/retry")) as retried:
        row.get_by_role("button", name="Try again: retried.pdf").click()
    assert retried.value.status == 202
    expect(row).to_have_attribute("data-state", "failed", timeout=WAIT)
    assert page.evaluate(MARKED)


def test_it_asks_in_one_request_only_while_something_is_under_way(watched: Page, tmp_path: Path) -> None:
    page = watched
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/v1/documents?id=" in request.url else None)
    files = [tmp_path / f"asked-{number}.txt" for number in range(3)]
    for file in files:
        file.write_text(f"A document named {file.name}.")
    page.get_by_test_id("upload-input").set_input_files(files)
    for file in files:
        expect(page.locator(document(file.name)).first).to_have_attribute("data-state", "ready", timeout=WAIT)
    assert asked
    page.wait_for_timeout(500)
    quiet = len(asked)
    page.wait_for_timeout(5_000)
    assert len(asked) == quiet


def test_a_state_chosen_from_the_list_stands_in_the_address(watched: Page, up: Up) -> None:
    page = watched
    page.get_by_role("combobox", name="State").click()
    page.get_by_role("option", name="Failed").click()
    page.wait_for_url("**/documents?state=failed")
    expect(page.locator('[data-testid="document"]:not([data-state="failed"])')).to_have_count(0)


def test_without_a_network_it_says_so_and_goes_on_by_itself(watched: Page) -> None:
    watched.context.set_offline(True)
    expect(watched.get_by_test_id("offline")).to_contain_text("You are offline")
    watched.context.set_offline(False)
    expect(watched.get_by_test_id("offline")).to_be_empty()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "handbook"
    made.mkdir()
    for name in ("arrivals", "badges", "canteen"):
        (made / f"{name}.md").write_text(f"# On {name}\n\nAll there is to know about {name}.\n")
    return made


def test_a_data_source_is_added_synced_and_asks_before_it_deletes_much(page: Page, up: Up, folder: Path) -> None:
    page.goto(f"{up.url}/data-sources")
    page.get_by_test_id("add-source").click()
    form = page.get_by_test_id("add-source-form")
    form.get_by_label("Name").fill("Handbook folder")
    form.get_by_label("Path").fill(str(folder))
    form.get_by_role("button", name="+ Everyone").click()
    shot(page, "add-data-source")
    form.get_by_role("button", name="Add and sync").click()
    row = page.locator('[data-testid="data-source"][data-name="Handbook folder"]')
    expect(row).to_have_attribute("data-state", "idle", timeout=WAIT)
    expect(row.get_by_test_id("last-sync")).to_contain_text("3 new", timeout=WAIT)

    for file in folder.iterdir():
        file.unlink()
    row.get_by_test_id("sync-now").click()
    expect(row).to_have_attribute("data-state", "needs_confirmation", timeout=WAIT)
    expect(row).to_contain_text("3 documents are gone from the source")
    shot(page, "data-source-needs-confirmation")
    row.get_by_test_id("confirm-deletions").click()
    page.get_by_test_id("confirm").click()
    expect(row).to_contain_text("0 documents", timeout=WAIT)
    expect(row.get_by_test_id("confirm-deletions")).to_have_count(0, timeout=WAIT)

    row.get_by_test_id("source-menu").click()
    page.get_by_role("menuitem", name="Pause").click()
    expect(row).to_have_attribute("data-state", "paused", timeout=WAIT)
    row.get_by_test_id("source-menu").click()
    page.get_by_role("menuitem", name="Remove").click()
    page.get_by_test_id("confirm").click()
    expect(row).to_have_count(0, timeout=WAIT)


def test_what_cannot_be_a_data_source_is_refused_in_words(browser: Browser, up: Up) -> None:
    context = browser.new_context()  # not the fixture's page: Chromium notes each refusal in the console
    page = context.new_page()
    page.goto(up.footnote("sign-in").strip())
    page.get_by_test_id("composer").wait_for(timeout=WAIT)
    page.goto(f"{up.url}/data-sources")
    page.get_by_test_id("add-source").click()
    form = page.get_by_test_id("add-source-form")
    form.get_by_label("Name").fill("Nowhere")
    form.get_by_role("combobox", name="Kind of data source").click()
    page.get_by_role("option", name="Web site").click()
    form.get_by_label("Url", exact=True).fill("ftp://example.com/")
    form.get_by_role("button", name="Add and sync").click()
    expect(form.get_by_test_id("error")).to_contain_text("https://")
    context.close()


def test_operations_show_the_figures_and_the_audit(page: Page, up: Up) -> None:
    page.goto(f"{up.url}/documents")
    page.get_by_test_id("upload-input").set_input_files(CORPUS / "it-faq.html")
    expect(page.locator(document("IT questions and answers")).first).to_have_attribute(
        "data-state", "ready", timeout=WAIT
    )
    page.goto(f"{up.url}/operations")
    expect(page.get_by_test_id("stage-time").first).to_be_visible(timeout=WAIT)
    expect(page.get_by_test_id("state-count")).to_have_count(5)
    expect(page.get_by_test_id("attention")).to_be_empty()
    shot(page, "operations")
    page.get_by_test_id("verify").click()
    expect(page.get_by_test_id("verify-report")).to_have_attribute("data-clean", "true", timeout=WAIT)


def test_a_page_for_administrators_is_none_for_others(browser: Browser, up: Up) -> None:
    up.footnote("users", "create", "reader@example.com")
    reader = browser.new_context()
    other = reader.new_page()
    other.goto(up.footnote("sign-in", "reader@example.com").strip())
    other.get_by_test_id("composer").wait_for(timeout=WAIT)
    for path in ("/data-sources", "/operations"):
        other.goto(up.url + path)
        expect(other.get_by_text("There is no such page")).to_be_visible(timeout=WAIT)
    expect(other.get_by_role("link", name="Operations")).to_have_count(0)
    reader.close()
