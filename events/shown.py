"""What the owner of a generation sees of events of which they do not see all data."""

from typing import Annotated

from events.event import OmittedIfNone, Part


class ShownImage(Part):
    """An image without the hash that names its bytes; `size`: bytes."""

    content_type: str
    width: int
    height: int
    size: int


class ShownRequest(Part):
    """What the owner sees of a submission."""

    examples: tuple[ShownImage, ...]
    retry_of: Annotated[str | None, OmittedIfNone] = None


class ShownValidation(Part):
    """What the owner sees of a validation: how the examples became one image, and the seed."""

    composition: str
    width: int
    height: int
    seed: int


class ShownCompletion(Part):
    """What the owner sees of a completion."""

    images: tuple[ShownImage, ...]
