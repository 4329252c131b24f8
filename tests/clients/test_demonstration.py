"""The picture of `exemplar up`, made over the public API."""

import asyncio
from dataclasses import asdict
from pathlib import Path

import pytest

from exemplar.demo.generation import demonstrate, has_picture
from exemplar.local.options import bundled_photos
from tests.systems.account import Account
from tests.systems.system import System


def test_a_picture_that_was_made_is_known_at_the_next_start(
    solo: System, account: Account, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    demo = {**asdict(account), "base_url": solo.base_url}
    assert not asyncio.run(has_picture(demo))
    picture = asyncio.run(demonstrate(demo, bundled_photos(), tmp_path / "pictures"))
    assert picture.stat().st_size
    assert "generation.completed" in capsys.readouterr().out
    assert asyncio.run(has_picture(demo))
