"""What holds on every page of the console."""

from collections.abc import Callable
from typing import Literal

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

from tests.console.conftest import OpenTab, Tab, submit
from tests.console.tour import Tour
from tests.systems.account import Account
from tests.systems.system import System

BYTES = 120_000  # of the first page, as sent


def as_developer(tab: Tab) -> None:
    tab.page.click("details.account summary")
    tab.page.locator("details.account button").first.click()
    expect(tab.page.locator("h1")).to_have_text("Usage")


def test_a_link_signs_in_once(open_tab: OpenTab, link: Callable[[Account], str], account: Account) -> None:
    address = link(account)
    first, second = open_tab(), open_tab()
    first.page.goto(address)
    expect(first.page.locator("form.create")).to_be_visible()
    assert "link=" not in first.page.url
    second.expect("401")
    second.page.goto(address)
    expect(second.page.locator(".notice.error")).to_contain_text("was used already")
    expect(second.page.locator(".notice.error")).to_contain_text("“exemplar open” makes a new one")


def test_an_end_user_and_a_developer_sign_in_with_passwords(open_tab: OpenTab, account: Account) -> None:
    tab = open_tab()
    tab.expect("401")
    tab.open()
    tab.page.get_by_label("E-mail").fill(account.email)
    tab.page.get_by_label("Password").fill("wrong")
    tab.page.get_by_label("Project ID").fill(account.project_id)
    tab.page.get_by_role("button", name="Sign in").click()
    expect(tab.page.locator(".notice.error")).to_contain_text("Incorrect email or password")
    expect(tab.page.locator(".notice.error")).to_be_in_viewport()
    tab.page.get_by_label("Password").fill(account.password)
    tab.page.get_by_role("button", name="Sign in").click()
    expect(tab.page.locator("form.create")).to_contain_text("needs the keys of a project")
    tab.page.click("details.account summary")
    tab.page.get_by_role("button", name="Sign out").click()
    expect(tab.page.locator(".sign-in")).to_be_visible()
    tab.open("log?type=generation.completed")
    tab.page.get_by_label("a developer, operator or auditor").check()
    tab.page.get_by_label("E-mail").fill(account.developer_email)
    tab.page.get_by_label("Password").fill(account.password)
    tab.page.get_by_role("button", name="Sign in").click()
    expect(tab.page.locator("h1")).to_have_text("Event log")
    expect(tab.page.get_by_label("Type")).to_have_value("generation.completed")


def test_a_page_that_is_not_for_a_role_says_for_whom_it_is(tour: Tour) -> None:
    for role, path, told in (
        ("end_user", "log", "It is for developers, operators, auditors"),
        ("developer", "create", "It is for end users"),
        ("platform_operator", "projects", "It is for developers"),
        ("auditor", "controls", "It is for operators"),
        ("auditor", "nowhere", "There is no such page"),
    ):
        tour.open(role, path)
        expect(tour.page.locator("main")).to_contain_text(told)


def test_a_link_to_a_page_of_another_role_is_kept_for_the_account_that_it_is_for(
    open_tab: OpenTab, link: Callable[[Account], str], account: Account
) -> None:
    tab = open_tab()
    page = tab.page
    page.goto(link(account))
    page.wait_for_selector("form.create")
    tab.open("log?type=generation.completed")
    page.get_by_role("button", name=f"Go on as {account.developer_email}").click()
    expect(page.get_by_label("Type")).to_have_value("generation.completed")
    tab.open("create")
    page.get_by_role("button", name="Sign in with another account").click()
    page.get_by_label("E-mail").fill(account.email)
    page.get_by_label("Password").fill(account.password)
    page.get_by_label("Project ID").fill(account.project_id)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("form.create")).to_be_visible()
    assert page.url.endswith("/console/create")


def test_usage_counts_what_was_made(tab: Tab) -> None:
    submit(tab)
    tab.page.wait_for_selector(".picture img", timeout=60_000)
    tab.page.wait_for_timeout(1500)  # the sums follow an event within a second
    tab.open("usage")
    expect(tab.page.locator(".tiles dd").first).to_have_text("1")
    expect(tab.page.locator("main")).to_contain_text("These limits are shared")
    with tab.page.expect_download() as download:
        tab.page.get_by_role("button", name="Download as CSV").click()
    assert "day,generations" in download.value.path().read_text()


def test_every_page_fits_every_window_and_has_no_serious_fault_of_accessibility(tour: Tour) -> None:
    page = tour.page
    for name in tour.every_page():
        for width in (360, 2560, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
            assert page.evaluate("document.querySelector('.account summary')?.getBoundingClientRect().top ?? 0") >= 0
        page.evaluate(AXE_SCRIPT)
        assert (name, serious_faults(page, "light")) == (name, [])
        assert (name, serious_faults(page, "dark", runOnly=["color-contrast"])) == (name, [])


def serious_faults(page: Page, scheme: Literal["light", "dark"], **options: object) -> list[tuple[str, list[str]]]:
    """Let axe-core look; without transitions, in which colours are neither of one theme nor of the other."""
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    asked = {"resultTypes": ["violations"], **options}
    found = page.evaluate("async options => (await axe.run(options)).violations", asked)
    serious = [one for one in found if one["impact"] in {"serious", "critical"}]
    return [(one["id"], [node["html"] for node in one["nodes"]]) for one in serious]


def test_a_lost_connection_is_told_and_the_page_goes_on_by_itself(tab: Tab) -> None:
    page = tab.page
    tab.expect("ERR_INTERNET_DISCONNECTED")
    for link, shown in (("My pictures", ".empty"), ("Usage", ".tiles")):
        page.context.set_offline(True)
        page.get_by_role("link", name=link).click()
        expect(page.locator(".notice.error")).to_contain_text("The service cannot be reached. This page tries again")
        page.context.set_offline(False)
        expect(page.locator(shown)).to_be_visible()


def test_the_keyboard_skips_the_navigation_and_closes_the_menu(tab: Tab) -> None:
    page = tab.page
    page.reload()
    page.wait_for_selector("form.create")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.click("details.account summary")
    page.keyboard.press("Escape")
    expect(page.locator("details.account ul")).to_be_hidden()


def test_the_first_page_is_small_and_asks_this_host_alone(open_tab: OpenTab, solo: System) -> None:
    tab = open_tab()
    sizes: dict[str, int] = {}
    tab.page.on("requestfinished", lambda request: sizes.update({request.url: request.sizes()["responseBodySize"]}))
    tab.open()
    tab.page.wait_for_selector("form")
    tab.page.wait_for_load_state("networkidle")
    assert all(url.startswith(solo.base_url) for url in sizes)
    assert len(sizes) > 5
    assert sum(sizes.values()) < BYTES


def test_the_theme_is_switched_and_kept(tab: Tab) -> None:
    tab.page.get_by_label("Switch between light and dark").click()
    chosen = tab.page.evaluate("document.documentElement.dataset.theme")
    tab.page.reload()
    assert tab.page.evaluate("document.documentElement.dataset.theme") == chosen == "dark"
