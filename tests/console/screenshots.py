"""Take the pictures of the console for README and docs: `make screenshots`.

    python -m tests.console.screenshots [--folder docs/images] [--only NAME,...] [--all] [--widths 1280] [--themes dark]

`--all` takes every page at every width and in every theme, to look at.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser, Page, sync_playwright

from tests.console.tour import Tour
from tests.console.world import SAMPLES, World, make_world
from tests.systems.browser import find_browser
from tests.systems.databases import opened_databases
from tests.systems.servers import MongoServer, started
from tests.systems.system import System, opened_system

SHOWN: Final = ("create", "generation", "usage", "webhook", "history", "log", "operations", "verify")
HEIGHT: Final = 900
HIGHER: Final = {
    "generation": 1330,
    "history": 1180,
    "verify": 1080,
}  # so that the picture holds what its caption names
THEMES: Final[Mapping[str, Literal["light", "dark"]]] = {"light": "light", "dark": "dark"}


def main() -> int:
    options = _options()
    chromium = find_browser()
    if chromium is None:
        sys.stderr.write("no Chromium: apt install chromium-headless-shell\n")
        return 1
    options.folder.mkdir(parents=True, exist_ok=True)
    with _system() as system:
        world = make_world(system)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for theme in options.themes.split(","):
                for width in map(int, options.widths.split(",")):
                    _take(browser, system, world, options, theme, width)
            browser.close()
    return 0


def _take(browser: Browser, system: System, world: World, options: argparse.Namespace, theme: str, width: int) -> None:
    wanted = options.only.split(",") if options.only else SHOWN
    page = browser.new_page(viewport={"width": width, "height": HEIGHT}, color_scheme=THEMES[theme], locale="en-GB")
    tour = Tour(page, system, world)
    for name in tour.every_page():
        if not options.all and name not in wanted:
            continue
        page.set_viewport_size({"width": width, "height": HIGHER.get(name, HEIGHT)})
        _prepare(page, name)
        page.evaluate("document.activeElement?.blur()")
        page.evaluate("window.scrollTo(0, 0)")
        page.wait_for_timeout(500)  # pictures appear
        if options.all:
            page.screenshot(path=options.folder / f"{name}-{theme}-{width}.png", full_page=True)
        else:
            page.screenshot(path=options.folder / f"console-{name}.jpg", type="jpeg", quality=80)
        sys.stdout.write(f"{name} {theme} {width}\n")
    page.close()


def _prepare(page: Page, name: str) -> None:
    """Do on a page what its caption says."""
    match name:
        case "create":
            page.set_input_files("input[type=file]", SAMPLES)
            page.fill("textarea[name=prompt]", "Generate a futuristic cityscape with neon lights and flying cars")
            page.fill("input[name=style]", "cyberpunk")
            page.get_by_role("button", name="Check without sending").click()
            page.wait_for_selector(".notice.good")
        case "generation":
            page.get_by_role("button", name="Check the receipt").click()
            page.wait_for_selector(".checks .passed")
        case "webhook":
            page.locator(".deliveries summary").first.click()
        case "history":
            page.get_by_label("Compare with version").select_option("1")
            page.wait_for_selector(".diff .new")


@contextmanager
def _system() -> Iterator[System]:
    with (
        tempfile.TemporaryDirectory(prefix="exemplar-screenshots-") as folder,
        started(MongoServer(Path(folder))) as server,
        opened_databases(server.url) as databases,
        opened_system(Path(folder) / "home", databases) as system,
    ):
        system.start()
        yield system


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.console.screenshots", description="Pictures of the console.")
    parser.add_argument("--folder", type=Path, default=Path("docs/images"))
    parser.add_argument("--only", default="", help="names of pages, with commas")
    parser.add_argument("--all", action="store_true", help="every page as a whole")
    parser.add_argument("--widths", default="1280")
    parser.add_argument("--themes", default="light")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
