from datetime import UTC

from hypothesis import given
from hypothesis import strategies as st

from domain.webhooks.ordering import Position, waits_until

POSITIONS = st.builds(
    Position, st.integers(1, 20), st.booleans(), st.integers(0, 10), st.datetimes(timezones=st.just(UTC))
)


@given(POSITIONS, st.lists(POSITIONS, max_size=8))
def test_versions_keep_their_order_but_a_final_one_overtakes_what_failed_twice_and_all_behind_it(
    delivery: Position, others: list[Position]
) -> None:
    until = waits_until(delivery, others)
    ahead = [other for other in others if other.version < delivery.version]
    if delivery.final:
        failed_twice = [other for other in ahead if other.failures >= 2]
        ahead = [other for other in ahead if all(other.version < stuck.version for stuck in failed_twice)]
    assert until == min((other.due_at for other in ahead), default=None)
