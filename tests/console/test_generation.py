"""The page of one generation."""

from playwright.sync_api import Dialog, expect

from tests.console.conftest import Tab, submit
from tests.console.tour import Tour
from tests.systems.system import System


def test_a_page_continues_after_the_service_was_killed(tab: Tab, solo: System) -> None:
    tab.expect(
        "ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE"
    )
    solo.kill("sandbox")
    submit(tab)
    expect(tab.page.locator(".events li").first).to_contain_text("Recorded")
    tab.page.evaluate("window.kept = true")  # lost by a reload
    solo.kill("solo")
    expect(tab.page.get_by_text("The connection was lost")).to_be_visible()
    solo.start("sandbox", "solo")
    expect(tab.page.locator(".picture img")).to_be_visible(timeout=60_000)
    assert tab.page.evaluate("window.kept")
    rows = [row.inner_text() for row in tab.page.locator(".events li span").all()]
    assert len(rows) == len(set(rows))


def test_a_finished_picture_is_published_used_again_and_deleted(tab: Tab) -> None:
    page = tab.page
    asked: list[str] = []

    def agree(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.accept()

    page.on("dialog", agree)
    submit(tab, "a harbour")
    page.get_by_role("button", name="Publish").click(timeout=60_000)
    expect(page.get_by_role("button", name="Make private")).to_be_visible()
    assert "All users of this project will see it" in asked[0]
    tab.open("gallery")
    expect(page.locator(".card .prompt")).to_have_text("a harbour")
    page.click("button.card")
    expect(page.locator("dialog[open]")).to_contain_text("a harbour")
    tab.open("generations")
    page.locator("a.card").focus()
    page.keyboard.press("End")
    page.set_viewport_size({"width": 360, "height": 400})
    page.evaluate("window.scrollTo(0, 150)")
    page.keyboard.press("Enter")
    expect(page).to_have_title("a harbour · Exemplar")
    page.go_back()
    page.wait_for_function("window.scrollY === 150")
    page.click("a.card")
    page.get_by_role("button", name="Use again").click()
    expect(page.locator("textarea[name=prompt]")).to_have_value("a harbour")
    expect(page.locator(".chosen li")).to_have_count(3)
    page.go_back()
    page.get_by_role("button", name="Delete").click()
    expect(page.locator(".empty")).to_be_visible()


def test_a_waiting_generation_is_explained_and_cancelled(tab: Tab, solo: System) -> None:
    solo.kill("sandbox")
    try:
        submit(tab)
        expect(tab.page.locator("[role=status]").first).to_contain_text("waiting")
        expect(tab.page.locator("[role=status]").first).to_contain_text(" s ")
        expect(tab.page.locator(".eta")).to_contain_text("Expected at")
        tab.page.on("dialog", lambda dialog: dialog.accept())
        tab.page.get_by_role("button", name="Cancel").click()
    finally:
        solo.start("sandbox")
    expect(tab.page.locator(".badge.canceled")).to_be_visible(timeout=60_000)
    expect(tab.page.locator(".events li").last).to_contain_text("Canceled")
    expect(tab.page.locator(".notice.error")).to_have_count(0)


def test_a_link_of_a_picture_is_followed_after_signing_in_elsewhere(tab: Tab) -> None:
    submit(tab)
    tab.page.wait_for_selector(".picture img", timeout=60_000)
    address = tab.page.url
    tab.page.reload()
    expect(tab.page.locator(".picture img")).to_be_visible()
    assert tab.page.url == address


def test_pictures_are_found_by_the_filters_of_programs(tour: Tour) -> None:
    page = tour.page
    tour.open("end_user", "generations")
    expect(page.locator(".grid-list .card")).not_to_have_count(0)
    page.get_by_text("More filters").click()
    page.get_by_label("Id of the request").fill("sent-by-nobody")
    page.get_by_label("Name in the metadata").fill("order")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator(".empty")).to_contain_text("No picture matches")
    assert "request_id=sent-by-nobody" in page.url
    page.get_by_label("Id of the request").fill("")
    page.get_by_label("Name in the metadata").fill("")
    page.get_by_label("State").select_option("started")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator(".empty")).to_contain_text("No picture matches")
    page.get_by_text("Show all").click()
    expect(page.locator(".grid-list .card")).not_to_have_count(0)
