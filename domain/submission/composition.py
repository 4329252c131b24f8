"""How one to five examples become the one input image of the model.

* ``single``: one example, as it is, whatever the mode;
* ``blend`` (the default): every example covers the whole canvas, equal weights in linear light;
* ``grid``: every example covers its own cell; the cells fill the canvas, in order, along its longer side;
* ``first``: the first example, as if it had come alone.

The first example gives the canvas its shape: scaled down to at most ``max_side`` a side, each side cut to
a multiple of 8, never enlarged. The one exception: a side that would be under 8 is 8, so that even a picture
of 1x1 makes a valid input. Nothing is distorted: what does not fit the shape is cropped evenly at both ends.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, Literal, NamedTuple

Composition = Literal["blend", "grid", "first"]
Mode = Literal["single", "blend", "grid", "first"]
Size = tuple[int, int]
Box = tuple[int, int, int, int]

DEFAULT: Final[Composition] = "blend"
MAX_SIDE: Final = 1_024
STEP: Final = 8

# How many cells each band of a grid holds, by the number of examples.
_BANDS: Final[dict[int, tuple[int, ...]]] = {2: (1, 1), 3: (1, 2), 4: (2, 2), 5: (2, 3)}


class Placement(NamedTuple):
    """One example on the canvas: ``crop``, in the example's pixels, fills ``box``, in the canvas's.

    Both are left, top, right, bottom; right and bottom are outside.
    """

    example: int
    crop: tuple[float, float, float, float]
    box: Box


class CompositionPlan(NamedTuple):
    mode: Mode
    width: int
    height: int
    placements: tuple[Placement, ...]


def plan(mode: Composition, sizes: Sequence[Size], *, max_side: int = MAX_SIDE) -> CompositionPlan:
    """Plan the one picture.

    ``sizes`` are the width and height of one to five examples as seen (EXIF orientation applied), in pixels;
    ``max_side`` is at least 8. Raises ValueError for any other number of examples.
    """
    if not 1 <= len(sizes) <= 5:
        raise ValueError(f"one to five examples, not {len(sizes)}")
    width, height = canvas(sizes[0], max_side)
    whole = (0, 0, width, height)
    named: Mode = "single" if len(sizes) == 1 else mode
    match named:
        case "blend":
            boxes = [whole] * len(sizes)
        case "grid":
            boxes = _cells(len(sizes), width, height)
        case "single" | "first":
            boxes = [whole]
    covered = [(right - left, bottom - top) for left, top, right, bottom in boxes]
    placements = [Placement(n, cover(sizes[n], onto), boxes[n]) for n, onto in enumerate(covered)]
    return CompositionPlan(named, width, height, tuple(placements))


def canvas(size: Size, max_side: int = MAX_SIDE) -> Size:
    """Fit ``size`` into ``max_side`` a side: multiples of 8, never enlarged but for a side under 8."""
    longer = max(*size, max_side)
    width, height = (max(side * max_side // longer // STEP, 1) * STEP for side in size)
    return width, height


def cover(size: Size, onto: Size) -> tuple[float, float, float, float]:
    """Find the largest centred part of ``size`` that has the aspect ratio of ``onto``."""
    width, height = size
    scale = min(width / onto[0], height / onto[1])
    left, top = max(width - onto[0] * scale, 0) / 2, max(height - onto[1] * scale, 0) / 2
    return left, top, width - left, height - top


def _cells(count: int, width: int, height: int) -> list[Box]:
    if width < height:
        return [(left, top, right, bottom) for top, left, bottom, right in _cells_along(count, height, width)]
    return _cells_along(count, width, height)


def _cells_along(count: int, length: int, breadth: int) -> list[Box]:
    bands = _BANDS[count]
    return [
        (start, top, end, bottom)
        for (start, end), cells in zip(_split(length, len(bands)), bands, strict=True)
        for top, bottom in _split(breadth, cells)
    ]


def _split(length: int, parts: int) -> list[tuple[int, int]]:
    edges = [length * n // parts for n in range(parts + 1)]
    return list(pairwise(edges))
