"""Properties of the layout of the composed picture."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.submission.composition import Composition, CompositionPlan, canvas, cover, plan

sides = st.integers(1, 8_192)
sizes = st.tuples(sides, sides)
several = st.lists(sizes, min_size=2, max_size=5)
any_number = st.lists(sizes, min_size=1, max_size=5)
modes = st.sampled_from(["blend", "grid", "first"])


def area(box: tuple[int, int, int, int]) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def covered(planned: CompositionPlan) -> set[tuple[int, int]]:
    """Return every point of the canvas that a cell covers."""
    return {
        (x, y)
        for _, _, (left, top, right, bottom) in planned.placements
        for x in range(left, right)
        for y in range(top, bottom)
    }


@given(modes, any_number, st.integers(8, 2_048))
def test_a_canvas_is_a_multiple_of_eight_within_the_limit(
    mode: Composition, given_sizes: list[tuple[int, int]], limit: int
) -> None:
    planned = plan(mode, given_sizes, max_side=limit)
    for side in (planned.width, planned.height):
        assert side % 8 == 0
        assert 8 <= side <= limit


@given(modes, any_number)
def test_a_canvas_is_never_larger_than_the_first_example_unless_a_side_is_under_eight(
    mode: Composition, given_sizes: list[tuple[int, int]]
) -> None:
    planned = plan(mode, given_sizes)
    assert planned.width <= max(given_sizes[0][0], 8)
    assert planned.height <= max(given_sizes[0][1], 8)


@given(sizes)
def test_a_canvas_keeps_the_shape_to_within_one_step(size: tuple[int, int]) -> None:
    longer = max(*size, 1_024)
    for side, original in zip(canvas(size), size, strict=True):
        assert side == 8 or 0 <= original * 1_024 / longer - side <= 8


@given(modes, sizes)
def test_one_example_is_unchanged_in_every_mode(mode: Composition, size: tuple[int, int]) -> None:
    planned = plan(mode, [size])
    assert planned.mode == "single"
    assert [placement.example for placement in planned.placements] == [0]


@given(several)
def test_first_uses_the_first_example_only(given_sizes: list[tuple[int, int]]) -> None:
    planned = plan("first", given_sizes)
    assert planned.mode == "first"
    assert planned.placements == plan("first", given_sizes[:1]).placements


@given(several)
def test_in_a_blend_every_example_covers_the_whole_canvas(given_sizes: list[tuple[int, int]]) -> None:
    planned = plan("blend", given_sizes)
    assert [placement.example for placement in planned.placements] == list(range(len(given_sizes)))
    assert {placement.box for placement in planned.placements} == {(0, 0, planned.width, planned.height)}


@given(several)
def test_the_cells_of_a_grid_hold_every_example_once(given_sizes: list[tuple[int, int]]) -> None:
    planned = plan("grid", given_sizes)
    assert [placement.example for placement in planned.placements] == list(range(len(given_sizes)))
    assert all(area(placement.box) > 0 for placement in planned.placements)


@given(st.lists(st.tuples(st.integers(1, 90), st.integers(1, 90)), min_size=2, max_size=5))
def test_the_cells_of_a_grid_fill_the_canvas_without_overlap(given_sizes: list[tuple[int, int]]) -> None:
    planned = plan("grid", given_sizes)
    assert len(covered(planned)) == planned.width * planned.height
    assert sum(area(placement.box) for placement in planned.placements) == planned.width * planned.height


@given(sizes, sizes)
def test_a_covering_crop_is_the_largest_of_its_shape_within_the_source(
    size: tuple[int, int], onto: tuple[int, int]
) -> None:
    left, top, right, bottom = cover(size, onto)
    assert 0 <= left < right <= size[0]
    assert 0 <= top < bottom <= size[1]
    assert (right - left) * onto[1] == pytest.approx((bottom - top) * onto[0])
    assert (left, right) == pytest.approx((0, size[0]), abs=1e-6) or (top, bottom) == pytest.approx((0, size[1]))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1_411, 1_411), (1_024, 1_024)),
        ((600, 400), (600, 400)),
        ((640, 427), (640, 424)),
        ((8_192, 4_096), (1_024, 512)),
        ((1, 1), (8, 8)),
        ((7, 300), (8, 296)),
        ((8_192, 1), (1_024, 8)),
        ((1_025, 1_024), (1_024, 1_016)),
    ],
)
def test_canvas_sizes_of_known_examples(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert canvas(size) == expected


@pytest.mark.parametrize("count", [0, 6])
def test_no_example_or_six_raise_an_error(count: int) -> None:
    with pytest.raises(ValueError, match="one to five"):
        plan("blend", [(8, 8)] * count)


def test_a_grid_of_two_is_along_the_longer_side() -> None:
    assert [p.box for p in plan("grid", [(600, 400)] * 2).placements] == [
        (0, 0, 300, 400),
        (300, 0, 600, 400),
    ]
    assert [p.box for p in plan("grid", [(400, 600)] * 2).placements] == [
        (0, 0, 400, 300),
        (0, 300, 400, 600),
    ]
