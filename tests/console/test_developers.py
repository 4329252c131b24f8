"""What developers do in the console: keys, users and webhooks."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Route, expect

from tests.console.conftest import OpenTab, Tab
from tests.console.tour import Tour
from tests.console.world import NOBODY, World
from tests.systems.account import Account


def test_an_access_key_is_shown_once_signs_in_and_is_revoked(tour: Tour, open_tab: OpenTab) -> None:
    page = tour.page
    tour.open("developer", "projects/{project}/users/{user}")
    page.get_by_label("Name").fill("nightly script")
    page.get_by_role("button", name="Create a key").click()
    key = page.locator(".secret code").inner_text()
    assert key.startswith("ek_")
    other = open_tab()
    other.expect("401")
    other.open("sign-in")
    other.page.get_by_label("an end user with an access key").check()
    other.page.get_by_label("Access key", exact=True).fill("ek_wrong")
    other.page.get_by_role("button", name="Sign in").click()
    expect(other.page.locator(".notice.error")).to_contain_text("Check the access key")
    other.page.get_by_label("Access key", exact=True).fill(key)
    other.page.get_by_role("button", name="Sign in").click()
    expect(other.page.get_by_role("button", name="Check without sending")).to_be_visible()
    page.reload()
    expect(page.get_by_role("row", name="nightly script")).to_be_visible()
    expect(page.locator(".secret")).to_have_count(0)
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("row", name="nightly script").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("row", name="nightly script")).to_contain_text("revoked")
    page.get_by_label("Name").fill("second")
    page.get_by_role("button", name="Create a key").click()
    expect(page.locator(".secret")).to_be_in_viewport()
    page.get_by_role("row", name="second").get_by_role("button", name="Revoke").click()
    expect(page.locator(".secret")).to_have_count(0)
    other.open("generations")
    expect(other.page.locator(".notice.error")).to_contain_text("sign in again")


def test_a_webhook_is_made_tried_and_sent_again(tour: Tour) -> None:
    page = tour.page
    tour.open("developer", "projects/{project}/webhooks")
    page.get_by_label("Address").fill(f"{NOBODY}/again")
    page.get_by_label("generation.completed").check()
    page.get_by_role("button", name="Create a webhook").click()
    expect(page.locator(".secret code")).to_contain_text("whsec_")
    page.get_by_role("link", name=f"{NOBODY}/again").click()
    page.route("**/deliveries", _as_before, times=1)
    page.get_by_role("button", name="Send an example").click()
    expect(page.locator(".notice.good")).to_contain_text("on its way")
    delivery = page.locator(".deliveries > li").first
    expect(delivery).to_contain_text("failed")
    delivery.get_by_text("1 attempt").click()
    expect(delivery).to_contain_text("no connection")
    page.route("**/deliveries", _as_under_way, times=1)
    delivery.get_by_role("button", name="Send again").click()
    expect(delivery).to_contain_text("2 attempts")
    page.get_by_role("button", name="New secret").click()
    expect(page.locator(".secret code")).to_contain_text("whsec_")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_label("Since").last.fill("2026-01-01T00:00")
    page.get_by_label("Since").first.fill("2026-01-01T00:00")
    page.get_by_role("button", name="Recover").click()
    expect(page.locator(".notice.good")).to_contain_text("Examples are left out")
    expect(page.locator(".notice.good")).to_be_in_viewport()
    page.get_by_role("button", name="Send what is missing").click()
    expect(page.locator(".notice.good")).to_contain_text("on their way")


def _as_before(route: Route) -> None:
    """Answer as before the delivery was recorded."""
    response = route.fetch()
    route.fulfill(response=response, json=response.json() | {"deliveries": []})


def _as_under_way(route: Route) -> None:
    """Answer as while the second attempt is made: its claim ends in a minute."""
    response = route.fetch()
    body = response.json()
    [delivery] = body["deliveries"]
    ends = datetime.now(UTC) + timedelta(seconds=60)
    delivery |= {"state": "pending", "reason": None, "next_attempt_at": ends.isoformat()}
    delivery["attempts"] = delivery["attempts"][:1]
    route.fulfill(response=response, json=body)


def test_users_are_found_and_named_in_the_usage(tour: Tour, world: World) -> None:
    page = tour.page
    tour.open("developer", "projects/{project}/users")
    box = page.get_by_role("button", name="Find").bounding_box()
    assert box is not None
    assert box["width"] < 120
    tour.open("developer", "usage")
    expect(page.get_by_role("row", name=world.emails["end_user"])).to_be_visible()


def test_usage_names_who_holds_the_slots(tab: Tab, link: Callable[[Account], str]) -> None:
    tab.page.click("details.account summary")
    tab.page.locator("details.account button").first.click()
    expect(tab.page.locator("main")).to_contain_text("all slots are free")
