from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from exemplar.local.hooks import Demo
from exemplar.local.sign_in_link import make_docs_link, make_sign_in_link
from tests.conftest import CloseAfter, missing
from tests.console.tour import Tour
from tests.console.world import SAMPLES, World, make_world
from tests.systems.account import Account, open_account
from tests.systems.browser import find_browser
from tests.systems.databases import Databases
from tests.systems.system import System, opened_system
from tests.systems.tenants import PASSWORD

WAIT_MS = 30_000  # a busy machine makes what follows an action wait
MakeAccount = Callable[..., Account]


# A name of this machine that browsers trust as little as any other that is served by plain HTTP.
INSECURE_HOST = "insecure.example"
INSECURE = f"--host-resolver-rules=MAP {INSECURE_HOST} 127.0.0.1"


@pytest.fixture(scope="session")
def solo(databases: Databases, tmp_path_factory: pytest.TempPathFactory, close_after: CloseAfter) -> Iterator[System]:
    with opened_system(tmp_path_factory.mktemp("console"), databases) as system:
        close_after(Path(__file__).parent, system.close)
        system.start()
        yield system


@pytest.fixture(scope="session")
def browser(solo: System, close_after: CloseAfter) -> Iterator[Browser]:
    """A browser of this folder's tests: while it is open, its loop runs in this thread, so the system comes first."""
    chromium = find_browser()
    if chromium is None:
        missing("no Chromium: apt install chromium-headless-shell")
    expect.set_options(timeout=WAIT_MS)
    with ExitStack() as opened:
        playwright = opened.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", INSECURE])
        opened.callback(browser.close)
        close_after(Path(__file__).parent, opened.close)
        yield browser


@pytest.fixture(scope="session")
def world(solo: System) -> World:
    """What all tests look at and none changes."""
    return make_world(solo)


@pytest.fixture
def make_account(solo: System) -> MakeAccount:
    """Make accounts of a tier; in a thread, because Playwright's loop runs in this one."""

    def make(tier: str = "internal") -> Account:
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(open_account, solo, tier).result()

    return make


@pytest.fixture
def account(make_account: MakeAccount) -> Account:
    return make_account()


@dataclass
class Tab:
    """A tab of a browser, and what it complained about."""

    page: Page
    base_url: str
    complaints: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def open(self, path: str = "") -> None:
        self.page.goto(f"{self.base_url}/console/{path}")

    def expect(self, *texts: str) -> None:
        """Do not count complaints that contain one of these texts."""
        self.expected = texts

    def unexpected(self) -> list[str]:
        return [one for one in self.complaints if not any(text in one for text in self.expected)]


OpenTab = Callable[..., Tab]


@pytest.fixture
def open_tab(browser: Browser, solo: System) -> Iterator[OpenTab]:
    """Open tabs; afterwards none of them may have complained: no error, no violation of the policy."""
    tabs: list[Tab] = []

    def opened(**options: object) -> Tab:
        context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)  # type: ignore[arg-type]
        context.set_default_timeout(WAIT_MS)
        tab = Tab(context.new_page(), solo.base_url)
        tab.page.on("pageerror", lambda error: tab.complaints.append(f"error: {error}"))
        tab.page.on(
            "console",
            lambda message: tab.complaints.append(message.text) if message.type in {"error", "warning"} else None,
        )
        tabs.append(tab)
        return tab

    yield opened
    for tab in tabs:
        tab.page.context.close()
    assert [tab.unexpected() for tab in tabs] == [[] for _ in tabs]


@pytest.fixture
def tour(open_tab: OpenTab, solo: System, world: World) -> Tour:
    """A tab in which all four roles are signed in."""
    return Tour(open_tab().page, solo, world)


@pytest.fixture
def link(solo: System) -> Callable[[Account], str]:
    """Make a sign-in link of an account and its developer, as `exemplar up` does."""

    return lambda account: make_sign_in_link(solo.home, _demo(solo, account))


@pytest.fixture
def docs_link(solo: System) -> Callable[[Account], str]:
    """Make a link to the API page, as `exemplar up` does."""
    return lambda account: make_docs_link(solo.home, _demo(solo, account))


def _demo(solo: System, account: Account) -> Demo:
    return {
        "base_url": solo.base_url,
        "email": account.email,
        "password": account.password,
        "project_id": account.project_id,
        "developer_key": account.developer_key,
        "api_key": account.api_key,
        "developer_email": account.developer_email,
        "developer_password": PASSWORD,
    }


@pytest.fixture
def tab(open_tab: Callable[..., Tab], link: Callable[[Account], str], account: Account) -> Tab:
    """A tab in which the account and its developer are signed in."""
    tab = open_tab()
    tab.page.goto(link(account))
    tab.page.wait_for_selector("form.create")
    return tab


def submit(tab: Tab, prompt: str = "a lighthouse") -> None:
    """Choose the sample pictures, and create a picture of them."""
    tab.open("create")
    tab.page.set_input_files("input[type=file]", SAMPLES)
    tab.page.fill("textarea[name=prompt]", prompt)
    tab.page.click("button[type=submit]")
