"""What operators do in the console: look at the service, hold back and let go, set tiers."""

from playwright.sync_api import expect

from tests.console.conftest import OpenTab
from tests.console.tour import Tour
from tests.console.world import World
from tests.systems.system import System


def test_the_service_is_shown_and_its_invariants_are_checked(tour: Tour) -> None:
    page = tour.page
    tour.open("platform_operator", "operations")
    expect(page.get_by_role("region", name="Subscribers of the log")).to_contain_text("projector")
    expect(page.get_by_role("region", name="Queues")).to_contain_text("invocation")
    expect(page.locator(".notice.good")).to_contain_text("replicate")
    page.get_by_role("button", name="Check now").click()
    expect(page.get_by_role("region", name="Invariants")).to_contain_text("Each generation ends once")


def test_a_developer_is_paused_and_goes_on(tour: Tour, world: World) -> None:
    page = tour.page
    page.on("dialog", lambda dialog: dialog.accept())
    tour.open("platform_operator", f"controls?developer={world.developer}")
    page.get_by_label("Ticket or case number").fill("INC-7")
    page.get_by_role("button", name="Apply").click()
    row = page.get_by_role("row", name="Pause a developer")
    expect(row).to_contain_text("INC-7")
    row.get_by_role("button", name="Lift").click()
    expect(row).to_have_count(0)


def test_a_tier_is_set_and_an_unknown_one_refused(open_tab: OpenTab, solo: System, world: World) -> None:
    tab = open_tab()
    tab.expect("422")
    tour, page = Tour(tab.page, solo, world), tab.page
    tour.open("platform_operator", "developers")
    row = page.get_by_role("row", name=world.emails["developer"])
    row.get_by_label("Tier").fill("no_such_tier")
    row.get_by_role("button", name="Set").click()
    expect(page.locator(".notice.error")).to_contain_text("must be one of")
    row.get_by_label("Tier").fill("internal")
    row.get_by_role("button", name="Set").click()
    expect(page.locator(".notice.good")).to_contain_text("has the tier internal")
