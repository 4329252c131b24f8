"""The `exemplar up` that runs in a home, as it describes itself in demo.json."""

import json
from pathlib import Path
from urllib.parse import urlsplit

from exemplar.environment import ConfigurationError
from exemplar.local.hooks import Demo
from exemplar.local.ports import LOOPBACK, listening

DEMO = "demo.json"


def read_demo(home: Path) -> Demo:
    """Read what a system has written when it was ready; ConfigurationError where none has."""
    try:
        demo: Demo = json.loads((home / DEMO).read_bytes())
    except (OSError, ValueError):
        raise ConfigurationError(
            f"no `exemplar up` is ready in {home}: start it with `make run` (`exemplar up`), or name its folder: --home"
        ) from None
    return demo


def runs(home: Path) -> bool:
    """Tell whether an `exemplar up` runs in this folder and is ready."""
    try:
        address = urlsplit(read_demo(home)["base_url"])
    except ConfigurationError:
        return False
    return listening(address.port or 80, address.hostname or LOOPBACK)
