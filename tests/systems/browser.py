"""The browser that tests drive."""

import shutil


def find_browser() -> str | None:
    """Return the path of Chromium; its headless shell, where there is one, opens a page for a quarter of the work."""
    names = ("chromium-headless-shell", "chromium", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)
