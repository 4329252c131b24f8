from datetime import UTC

from hypothesis import given
from hypothesis import strategies as st

from domain.webhooks.delivery import Delivery, waits_until
from tests.builders.webhook import delivery

DELIVERIES = st.builds(
    delivery,
    version=st.integers(1, 20),
    type=st.sampled_from(["generation.started", "generation.completed"]),
    failures=st.integers(0, 10),
    due_at=st.datetimes(timezones=st.just(UTC)),
)


@given(DELIVERIES, st.lists(DELIVERIES, max_size=8))
def test_versions_keep_their_order_but_a_final_one_overtakes_what_failed_twice_and_all_behind_it(
    one: Delivery, others: list[Delivery]
) -> None:
    until = waits_until(one, others)
    ahead = [other for other in others if other.version < one.version]
    if one.final:
        failed_twice = [other for other in ahead if other.failures >= 2]
        ahead = [other for other in ahead if all(other.version < stuck.version for stuck in failed_twice)]
    assert until == min((other.due_at for other in ahead if other.due_at), default=None)
