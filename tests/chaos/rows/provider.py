"""The provider loses, delays or falsifies what it answers."""

from collections.abc import Mapping

from tests.chaos.row import Row
from tests.chaos.scene import LOAD, Scene


async def drop_answers(scene: Scene) -> None:
    """10: creations without a response, known by callback or not at all."""
    webhook = scene.rng.choice(("lost", "duplicate"))
    async with scene.load(LOAD, create="drop_after_commit", webhook=webhook):
        pass


ROWS: Mapping[str, Row] = {
    "10": drop_answers,
}
