"""The program of docs/erasure.md, as a developer."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest

from tests.docs.reading import blocks
from tests.docs.recipes.pages import missing, run
from tests.docs.recipes.test_audit import objects
from tests.systems.system import System
from tests.systems.tenants import make_tenant


async def prepare(system: System) -> Mapping[str, str]:
    async with aiohttp.ClientSession() as session:
        tenant = await make_tenant(system, session, "internal")
        generations = [await tenant.accepted() for _ in range(2)]
        for generation in generations:
            await tenant.completed(generation)
        token = await tenant.developer_token()
    names = {"USER_ID": tenant.user, "GENERATION_ID": generations[0]}
    return {"BASE": system.base_url, "TOKEN": token, **names}


@pytest.mark.skipif(missing("curl"), reason="no curl")
def test_the_program_of_the_erasure_page_works(solo: System, tmp_path: Path) -> None:
    env = asyncio.run(prepare(solo))
    [program] = blocks("docs/erasure.md", "sh")
    said = run(["bash", "-c", f"set -euo pipefail\n{program}"], tmp_path, env)
    answers = list(objects(said))
    assert [answer["state"] for answer in answers[:3]] == ["kept", "erased", "erasing"]
    assert [answer["generations"] for answer in answers[:2]] == [2, 0]
    assert answers[3]["state"] == "erasing"
