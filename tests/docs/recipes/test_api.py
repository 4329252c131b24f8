"""The program of docs/api.md asks a running gateway for what it says about itself."""

import json
from pathlib import Path

import pytest

from tests.docs.reading import blocks
from tests.docs.recipes.pages import missing, run
from tests.systems.system import System


@pytest.mark.skipif(missing("curl"), reason="no curl")
def test_the_api_describes_itself_as_documented(solo: System, tmp_path: Path) -> None:
    [program], [shown] = blocks("docs/api.md", "sh"), blocks("docs/api.md", "json")
    said = run(["bash", "-c", f"set -euo pipefail\n{program}"], tmp_path, {"BASE": solo.base_url})
    operation, content_type, problem = said.splitlines()
    assert operation == "createGeneration ['200', '202']"
    assert content_type == "text/html; charset=utf-8"
    assert {**json.loads(problem), "request_id": "..."} == json.loads(shown)
