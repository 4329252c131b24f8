"""Checks of the settings in the environment."""

import os
from collections.abc import Collection, Iterable, Iterator
from difflib import get_close_matches
from typing import Final

from exemplar.diagnosis.deployment import Deployment
from exemplar.diagnosis.finding import Finding, fault, ok, warning
from exemplar.environment import ConfigurationError
from exemplar.processes import read_settings
from exemplar.settings import PROCESS_SETTINGS, sections

_PREFIX: Final = "EXEMPLAR_"


def settings_findings(deployment: Deployment) -> Iterator[Finding]:
    """Check names and, of services, values; `exemplar up` makes its own secrets."""
    known = {setting.name for _, found in sections() for setting in found}
    yield judge_names(unknown_names(os.environ, known), known)
    if deployment.kind == "services":
        yield from map(_process, [name for name in PROCESS_SETTINGS if name != "solo"])


def unknown_names(environ: Iterable[str], known: Collection[str]) -> list[str]:
    """Name the variables that look like settings and are none."""
    return sorted(name for name in environ if name.startswith(_PREFIX) and name not in known)


def judge_names(unknown: Collection[str], known: Collection[str]) -> Finding:
    """Judge variables that nothing reads."""
    if not unknown:
        return ok("settings", "every EXEMPLAR_ variable is a setting")
    return warning("settings", f"nothing reads {', '.join(unknown)}", "; ".join(_meant(one, known) for one in unknown))


def _meant(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"did you mean {near[0]}?" if near else f"unset {name} (`exemplar settings` lists all)"


def _process(name: str) -> Finding:
    try:
        read_settings(name)
    except ConfigurationError as error:
        return fault("settings", f"{name}: {error}", "set it; `exemplar settings` says what it means")
    return ok("settings", f"the settings of {name} are valid")
