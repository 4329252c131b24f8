"""When `exemplar up` makes a picture."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from exemplar.local.demonstration import make_picture
from exemplar.local.hooks import Demo
from exemplar.local.options import Options
from tests.exemplar.local.fake_up import HOOKS


async def _demonstrate(demo: Demo, photos: Sequence[Path]) -> Path:
    return Path("picture.png")


async def _has_one(demo: Demo) -> bool:
    return True


@pytest.mark.parametrize(("sandbox", "once", "made"), [(True, False, True), (False, False, False), (False, True, True)])
async def test_a_restart_pays_for_no_further_picture(sandbox: bool, once: bool, made: bool) -> None:
    said: list[str] = []
    hooks = replace(HOOKS, demonstrate=_demonstrate, has_picture=_has_one)
    options = Options(once=once)
    code = await make_picture({}, options, hooks, said.append, sandbox=sandbox, token_refused=False)
    assert (code, "picture.png" in said[0]) == (0, made)


async def test_the_first_picture_is_made_at_a_real_provider() -> None:
    said: list[str] = []
    hooks = replace(HOOKS, demonstrate=_demonstrate)
    assert await make_picture({}, Options(), hooks, said.append, sandbox=False, token_refused=False) == 0
    assert "picture.png" in said[0]
