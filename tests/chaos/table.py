"""All rows of the fault table by their number."""

from collections.abc import Mapping

from tests.chaos.row import Row
from tests.chaos.rows import connections, crash_points, processes, provider, servers
from tests.chaos.scene import Scene


async def anything(scene: Scene) -> None:
    """18: one of the others, at random."""
    await scene.rng.choice([row for name, row in ROWS.items() if name != "18"])(scene)


FILES = (crash_points, processes, connections, servers, provider)
FAULTS: Mapping[str, Row] = {"18": anything} | {name: row for file in FILES for name, row in file.ROWS.items()}
ROWS: Mapping[str, Row] = dict(sorted(FAULTS.items(), key=lambda row: int(row[0])))
