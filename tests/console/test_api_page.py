"""The API page in a browser: it asks this service alone, and sends requests as whoever is signed in."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

from tests.console.conftest import OpenTab
from tests.systems.account import Account

PHOTO = Path("exemplar/demo/samples/coffee.png")
LIST = "#operations-Generations-listGenerations"


def test_the_api_page_sends_requests_with_the_credentials_of_its_link(
    open_tab: OpenTab, docs_link: Callable[[Account], str], account: Account
) -> None:
    tab, hosts = open_tab(), set[str]()
    tab.page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    tab.page.goto(docs_link(account))
    tab.page.click("#operations-tag-Generations")
    tab.page.wait_for_selector(LIST)
    assert "link=" not in tab.page.url
    assert account.email in tab.page.inner_text("#signed-in")
    check_a_list_is_read(tab.page)
    check_a_picture_is_submitted(tab.page)
    assert hosts <= {urlsplit(tab.base_url).netloc, ""}


def check_a_list_is_read(page: Page) -> None:
    page.click(f"{LIST} button.opblock-summary-control")
    page.click(f"{LIST} button.execute")
    live = page.wait_for_selector(f"{LIST} .live-responses-table tbody .response-col_status")
    assert live is not None
    assert live.inner_text().split()[0] == "200"
    page.click(f"{LIST} button.opblock-summary-control")


def check_a_picture_is_submitted(page: Page) -> None:
    form = page.locator("#operations-Generations-createGeneration")
    form.locator("button.opblock-summary-control").click()
    form.locator("[data-property-name=example_images] button.json-schema-form-item-add").click()
    form.locator("[data-property-name=example_images] input[type=file]").set_input_files(PHOTO)
    assert "prompt" in form.locator("[data-property-name=instructions] input").input_value()
    form.locator("button.execute").click()
    answered = form.locator(".live-responses-table tbody .response-col_status")
    expect(answered).to_contain_text("202")
    assert len(form.locator(".curl").inner_text().split(" -F ")) == 3  # nothing that is left out is sent


def test_the_page_about_errors_shows_the_section_of_a_code(open_tab: OpenTab) -> None:
    tab = open_tab()
    tab.page.goto(f"{tab.base_url}/docs/errors#authorization_required")
    assert tab.page.locator("section:target h2").inner_text() == "authorization_required"
