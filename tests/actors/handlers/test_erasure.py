from actors.handlers import delivery
from domain.generation import decisions
from domain.webhooks.delivery_filter import DeliveryFilter
from domain.webhooks.endpoint import default_endpoint
from tests.actors.harness import BY_TEST, Harness


async def test_the_erasure_of_a_generation_removes_the_receivers_of_its_webhooks(harness: Harness) -> None:
    await harness.request("g1", webhook="https://example.com/hook")
    await harness.fail("g1")
    (*_, failed) = await harness.events("g1")
    await harness.run_actor(delivery.NAME, failed)
    await harness.generations.decide("g1", decisions.erase, cause=BY_TEST)
    (*_, erased) = await harness.events("g1")
    await harness.run_actor("erasure", erased)
    endpoint = default_endpoint("prj-1")
    found = await harness.store.deliveries.page("prj-1", endpoint, DeliveryFilter(), before=None, limit=9)
    assert [(row.state, row.reason, row.host) for row in found or ()] == [("skipped", "generation_deleted", "")]
