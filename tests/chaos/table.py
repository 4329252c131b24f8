"""All rows of the fault table by their number."""

from collections.abc import Mapping

from tests.chaos.row import Row
from tests.chaos.rows import crash_points, processes, provider, servers
from tests.chaos.scene import Scene


async def anything(scene: Scene) -> None:
    """18: one of the others, at random."""
    await scene.rng.choice([row for name, row in ROWS.items() if name != "18"])(scene)


FAULTS = {**crash_points.ROWS, **processes.ROWS, **servers.ROWS, **provider.ROWS, "18": anything}
ROWS: Mapping[str, Row] = dict(sorted(FAULTS.items(), key=lambda row: int(row[0])))
