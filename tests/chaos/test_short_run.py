"""A few faults of the table on one system, as `make chaos` injects them, in half a minute."""

import random
import uuid
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.chaos.rows.crash_points import crash_each_actor, crash_gateway_at
from tests.chaos.scene import ENVIRON, open_scene
from tests.systems.databases import Databases
from tests.systems.servers import RabbitServer, Servers
from tests.systems.system import System, opened_system

# Of each actor the point of this number: for invocation `during_request`, for a webhook `before_append`.
POINT = 3


@pytest.fixture
def system(databases: Databases, rabbit_server: RabbitServer, tmp_path: Path) -> Iterator[System]:
    name = f"chaos-{uuid.uuid4().hex[:8]}"
    rabbit_server.create(name)
    with opened_system(tmp_path, databases, rabbit_server.url_of(name), ENVIRON) as system:
        system.start()
        yield system
    rabbit_server.delete(name)


@pytest.mark.timeout(300)
async def test_a_gateway_and_a_worker_of_each_actor_that_die_at_a_point_break_no_invariant(
    system: System, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    seed = random.SystemRandom().randrange(1, 2**32)
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    unharmed = Servers(tmp_path)  # the real ones are shared
    async with open_scene(system, unharmed, session, random.Random(seed)) as scene:
        await crash_gateway_at(scene, "after_append")
        await crash_each_actor(scene, POINT)
        assert await scene.verdicts() == {}
        assert len(scene.streams) == len(scene.ids)
        assert scene.webhooks.messages >= 4 * len(scene.ids)
