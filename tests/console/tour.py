"""Every page of the console, opened one after the other as the role that it is for."""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from playwright.sync_api import Page

from tests.console.world import ROLES, World, sessions
from tests.systems.system import System

PAGES: Final[Mapping[str, Mapping[str, str]]] = {
    "end_user": {
        "create": "create",
        "generation": "generations/{generation}",
        "generations": "generations",
        "gallery": "gallery",
        "own-usage": "usage",
    },
    "developer": {
        "usage": "usage",
        "projects": "projects",
        "users": "projects/{project}/users",
        "user": "projects/{project}/users/{user}",
        "keys": "projects/{project}/keys",
        "webhooks": "projects/{project}/webhooks",
        "webhook": "projects/{project}/webhooks/{endpoint}",
        "project-generations": "projects/{project}/generations",
        "history": "generations/{generation}",
        "log": "log",
        "accesses": "accesses",
    },
    "platform_operator": {
        "operations": "operations",
        "developers": "developers",
        "failed": "failed",
        "controls": "controls",
    },
    "auditor": {"verify": "verify?event=generation-{generation}:1"},
}
_DRAWN: Final = """() => {
  const main = document.querySelector("main");
  const isBusy = main?.querySelector("[aria-busy=true]") || main?.textContent.includes("Loading …");
  return main?.querySelector("h1") && !isBusy;
}"""


class Tour:
    """A tab in which all four roles are signed in."""

    def __init__(self, page: Page, system: System, world: World, *, host: str = "127.0.0.1") -> None:
        self.page, self._world = page, world
        self._base = f"{system.base_url.replace('127.0.0.1', host)}/console"
        self._accounts = sessions(system, world)
        page.goto(f"{self._base}/sign-in")  # what is kept belongs to this origin

    def open(self, role: str, path: str) -> None:
        """Open a page as a role, and wait until it is drawn."""
        kept = json.dumps({"current": ROLES.index(role), "accounts": self._accounts})
        self.page.evaluate("kept => sessionStorage.setItem('exemplar.accounts', kept)", kept)
        world = self._world
        ids = {"generation": world.generation, "endpoint": world.endpoint, "project": world.project, "user": world.user}
        self.page.goto(f"{self._base}/{path.format(**ids)}")
        self.page.wait_for_function(_DRAWN)

    def every_page(self) -> Iterator[str]:
        """Open every page; give its name."""
        self.page.goto(f"{self._base}/sign-in")
        self.page.wait_for_selector("form")
        yield "sign-in"
        for role, pages in PAGES.items():
            for name, path in pages.items():
                self.open(role, path)
                yield name
