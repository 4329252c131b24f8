"""When each error comes, and what to do."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from domain.errors import ErrorCode


class Guidance(NamedTuple):
    """When an error comes, and what the client does about it; both in Markdown, with links as from `docs/`."""

    when: str
    remedy: str


@cache
def error_guide() -> Mapping[ErrorCode, Guidance]:
    """Read the guidance of every code of the closed list."""
    read = tomllib.loads(Path(__file__).with_name("errors.toml").read_text(encoding="utf-8"))
    return {code: Guidance(**read[code.value]) for code in ErrorCode}
