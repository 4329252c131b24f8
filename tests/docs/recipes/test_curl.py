"""The recipes for curl, typed one after the other into one shell."""

from pathlib import Path

import pytest
from PIL import Image

from tests.docs.reading import ROOT, blocks
from tests.docs.recipes.pages import PAGE, missing, run
from tests.systems.account import Account
from tests.systems.system import System


@pytest.mark.skipif(missing("curl"), reason="no curl")
def test_the_curl_recipe_works(solo: System, account: Account, tmp_path: Path) -> None:
    (tmp_path / "exemplar").symlink_to(ROOT / "exemplar")
    script = "set -euo pipefail\n" + "\n".join(blocks(PAGE, "sh"))
    said = run(["bash", "-c", script], tmp_path, account.environment(solo.base_url))
    lines = said.splitlines()
    assert lines[0].endswith(" is completed")
    assert lines[1] == "picture.png: OK"
    events = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    assert (events[-2:], "snapshot" in events) == (["generation.completed", "caught_up"], False)
    assert lines[-3:] == ["1", "completed", "Generation deleted successfully"]
    with Image.open(tmp_path / "picture.png") as picture:
        picture.verify()
