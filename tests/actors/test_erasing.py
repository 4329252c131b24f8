"""What is left of a generation whose erasure is handled."""

from actors.handlers import erasure
from actors.webhooks.delivery_scheduler import DeliveryScheduler
from domain.generation import decisions
from domain.webhooks.endpoint import default_endpoint
from tests.actors.workshop import BY_TEST, Workshop
from tests.wiring import wired


async def test_the_erasure_of_a_generation_forgets_whom_its_webhook_went_to(workshop: Workshop) -> None:
    hands, store = workshop.hands, workshop.store
    await workshop.request("g1", webhook="https://example.com/hook")
    await workshop.fail("g1")
    await wired(store, workshop.clock).call(DeliveryScheduler).schedule("g1")
    await hands.generations.decide("g1", decisions.erase, cause=BY_TEST)
    (*_, erased) = await workshop.events("g1")
    await erasure.handle(erased, hands=hands)
    found = await store.deliveries.page("prj-1", default_endpoint("prj-1"), state=None, before=None, limit=9)
    assert [(row.state, row.reason, row.host) for row in found or ()] == [
        ("skipped", "generation_deleted", "")
    ]
