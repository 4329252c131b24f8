"""All rows of the fault table by their number."""

from collections.abc import Mapping

from tests.chaos.row import Row
from tests.chaos.rows import clocks, processes, provider, servers
from tests.chaos.scene import Scene


async def anything(scene: Scene) -> None:
    """18: one of the others, at random."""
    await scene.rng.choice([row for name, row in ROWS.items() if name != "18"])(scene)


ROWS: Mapping[str, Row] = dict(
    sorted(
        {**processes.ROWS, **servers.ROWS, **provider.ROWS, **clocks.ROWS, "18": anything}.items(),
        key=lambda row: int(row[0]),
    )
)
