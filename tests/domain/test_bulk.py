"""What bulk jobs may do, and when they rest."""

import pytest

from domain.bulk import MOST_RUNNING, require_capacity, rest_after
from domain.errors import ErrorCode, ExemplarError, LimitError


@pytest.mark.parametrize(
    ("code", "retry_after", "rest"),
    [
        (ErrorCode.GENERATION_LIMIT, 1, 2),
        (ErrorCode.GENERATION_LIMIT, 600, 600),
        (ErrorCode.GENERATION_LIMIT, 601, None),
        (ErrorCode.MAINTENANCE, 3600, 600),
    ],
    ids=["a slot is free soon", "slots are full", "the month has no unit left", "an operator knows the end"],
)
def test_a_job_rests_at_a_limit_that_passes(code: ErrorCode, retry_after: int, rest: int | None) -> None:
    assert rest_after(LimitError(code, retry_after)) == rest


def test_one_more_job_than_the_largest_number_is_refused() -> None:
    require_capacity(MOST_RUNNING - 1)
    with pytest.raises(ExemplarError) as refused:
        require_capacity(MOST_RUNNING)
    assert refused.value.code is ErrorCode.BULK_LIMIT
