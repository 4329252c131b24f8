"""The program of docs/tracing.md, which joins the trace of a client."""

import re
from pathlib import Path

import pytest

from tests.docs.reading import ROOT, blocks
from tests.docs.recipes.pages import missing, run
from tests.systems.system import System


@pytest.mark.skipif(missing("curl"), reason="no curl")
def test_an_event_names_the_trace_of_the_request(solo: System, access_key: str, tmp_path: Path) -> None:
    (tmp_path / "exemplar").symlink_to(ROOT / "exemplar")
    [program] = blocks("docs/tracing.md", "sh")
    env = {"BASE": solo.base_url, "ACCESS_KEY": access_key}
    said = run(
        ["bash", "-c", f'set -euo pipefail\n{program}echo "$TRACE"'],
        tmp_path,
        env,
    )
    told, trace = said.split()
    assert re.fullmatch(f"00-{trace}-00f067aa0ba902b7-01", told)
