"""What auditors do in the console: the log, the history of a generation, proofs checked by the browser."""

import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import expect

from tests.console.conftest import INSECURE_HOST, OpenTab
from tests.console.tour import Tour
from tests.console.world import World
from tests.systems.system import System


def test_the_log_is_read_by_every_filter(tour: Tour, world: World) -> None:
    page = tour.page
    tour.open("auditor", "log")
    page.get_by_label("Generation").fill(world.generation)
    page.get_by_text("More filters").click()
    page.get_by_label("Actor").fill("provider")
    page.get_by_label("Recorded at or after").fill("2026-01-01T00:00:00")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.locator("table.log tbody tr").first).to_contain_text("provider")
    asked = parse_qs(urlsplit(page.url).query)
    assert (asked["generation_id"], asked["actor"]) == ([world.generation], ["provider"])
    expect(page.get_by_label("Recorded at or after")).to_have_value("2026-01-01T00:00")


def test_a_refused_filter_is_marked_in_its_form(open_tab: OpenTab, solo: System, world: World) -> None:
    tab = open_tab()
    tab.expect("422")
    Tour(tab.page, solo, world).open("auditor", "log")
    tab.page.get_by_label("Type").fill("bogus")
    tab.page.get_by_role("button", name="Filter", exact=True).click()
    field = tab.page.get_by_label("Type")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_value("bogus")
    expect(tab.page.locator("label .wrong")).to_contain_text("is no type of an event")


def test_reading_the_log_is_shown_to_staff_and_to_whom_it_concerns(tour: Tour, world: World) -> None:
    tour.open("auditor", "log?generation_id={generation}")
    for role in ("auditor", "end_user"):
        tour.open(role, "accesses")
        row = tour.page.get_by_role("row", name="auditor:").filter(has_text=world.generation[:8])
        expect(row.first).to_be_visible()


def test_the_slider_shows_each_version_its_event_and_what_changed(tour: Tour) -> None:
    page = tour.page
    tour.open("auditor", "generations/{generation}")
    slider = page.get_by_role("slider")
    last = int(slider.get_attribute("max") or 0)
    expect(page.locator("output")).to_have_text(f"version {last} of {last}")
    slider.focus()
    page.keyboard.press("Home")
    expect(page.locator(".cause")).to_contain_text("generation.requested")
    expect(page.locator(".state")).to_contain_text("pending")
    page.get_by_label("Compare with version").select_option(str(last))
    expect(page.locator(".diff")).to_contain_text("completed")
    expect(page.locator(".events")).to_contain_text("Examples read")
    page.get_by_label("Compare with version").select_option("the one before")
    page.get_by_role("button", name="One version later").click()
    expect(page.locator(".cause")).to_contain_text("generation.validated")
    expect(page.get_by_role("heading", name="From version 1 to 2")).to_be_visible()


def test_the_browser_proves_an_event_and_finds_an_altered_receipt(tour: Tour) -> None:
    page = tour.page
    tour.open("auditor", "verify?event=generation-{generation}:1")
    expect(page.locator("article.good")).to_contain_text("The event is in the signed log")
    page.get_by_label("ID of the event").fill("generation 1")
    expect(page.locator("article.good")).to_have_count(0)
    assert "a colon" in (page.get_by_label("ID of the event").get_attribute("title") or "")
    given = page.get_by_label("A checkpoint, a proof or a receipt")
    given.fill(re.sub(r"(?m)^index ", "index 1", given.input_value()))
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator("article.error")).to_contain_text("The proof does not hold")
    tour.open("end_user", "generations/{generation}")
    with page.expect_download() as download:
        page.get_by_role("button", name="Check the receipt").click()
        expect(page.locator(".checks .passed")).to_have_count(7)
        page.get_by_role("button", name="Save the receipt").click()
    receipt = download.value.path().read_text()
    tour.open("auditor", "verify")
    for text, told in (
        (receipt, "The receipt is genuine"),
        (receipt.replace("cyberpunk", "baroque"), "the signature of exemplar is wrong"),
    ):
        page.get_by_label("A checkpoint, a proof or a receipt").fill(text)
        page.get_by_role("button", name="Check", exact=True).click()
        expect(page.locator("article.notice")).to_contain_text(told)


def test_a_page_over_plain_http_says_that_it_cannot_check(open_tab: OpenTab, solo: System, world: World) -> None:
    tab = open_tab()
    tab.expect("Cross-Origin-Opener-Policy header has been ignored")
    tour = Tour(tab.page, solo, world, host=INSECURE_HOST)
    tour.open("end_user", "generations/{generation}")
    expect(tour.page.locator(".insecure")).to_contain_text("plain HTTP")
    tour.open("auditor", "verify")
    expect(tour.page.locator("main")).to_contain_text("browsers have no cryptography")
