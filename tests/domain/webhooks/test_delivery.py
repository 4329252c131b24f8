import pytest

from domain.webhooks.delivery import ReceiverResponse, delivery_id, types_of

FINAL = {"generation.completed", "generation.failed"}


@pytest.mark.parametrize(
    ("filters", "types"),
    [
        ((), FINAL),
        (("completed",), FINAL),
        (("start",), {"generation.started"}),
        (("progress", "start"), {"generation.started", "generation.progressed"}),
        (("output",), FINAL),
        (("logs",), {"generation.progressed"}),
        (("unknown",), FINAL),
    ],
)
def test_filters_select_event_types_and_final_is_the_default(filters: tuple[str, ...], types: frozenset[str]) -> None:
    assert types_of(filters) == types


@pytest.mark.parametrize(
    ("status", "accepted", "error"),
    [
        (200, True, None),
        (204, True, None),
        (299, True, None),
        (301, False, "redirect"),
        (304, False, "redirect"),
        (400, False, "status"),
        (410, False, "gone"),
        (500, False, "status"),
        (None, False, "protocol"),
    ],
)
def test_only_2xx_is_a_success(status: int | None, accepted: bool, error: str | None) -> None:
    response = ReceiverResponse(status, None, 1)
    assert (response.accepted, response.error) == (accepted, error)


def test_a_delivery_id_depends_on_endpoint_and_event_alone() -> None:
    names = {delivery_id(endpoint, event) for endpoint in "ab" for event in ("generation-1:9", "generation-1:10")}
    assert len(names) == 4
    assert delivery_id("a", "generation-1:9") in names
