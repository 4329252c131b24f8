"""The program of docs/accounts.md: a developer makes an access key, and a script uses it."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest

from tests.docs.reading import ROOT, blocks
from tests.docs.recipes.pages import missing, run
from tests.docs.recipes.test_audit import objects
from tests.systems.system import System
from tests.systems.tenants import make_tenant


async def prepare(system: System) -> Mapping[str, str]:
    async with aiohttp.ClientSession() as session:
        tenant = await make_tenant(system, session, "internal")
        token = await tenant.developer_token()
    names = {"PROJECT_ID": tenant.project, "USER_ID": tenant.user}
    return {"BASE": system.base_url, "DEVELOPER_TOKEN": token, **names}


@pytest.mark.skipif(missing("curl"), reason="no curl")
def test_an_access_key_is_made_and_used_as_documented(solo: System, tmp_path: Path) -> None:
    (tmp_path / "exemplar").symlink_to(ROOT / "exemplar")
    env = asyncio.run(prepare(solo))
    said = run(["bash", "-c", "set -euo pipefail\n" + "\n".join(blocks("docs/accounts.md", "sh"))], tmp_path, env)
    accepted, listed = objects(said)
    assert [one["id"] for one in listed["generations"]] == [accepted["id"]]
