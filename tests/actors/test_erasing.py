"""What is left of a generation whose erasure is handled."""

from dataclasses import replace

from actors.handlers import delivery, erasure
from domain.generation import decisions
from domain.webhooks.endpoint import default_endpoint
from tests.actors.workshop import BY_TEST, Workshop


async def test_the_erasure_of_a_generation_forgets_whom_its_webhook_went_to(workshop: Workshop) -> None:
    hands = replace(workshop.hands, visible=lambda _: {})
    await workshop.request("g1", webhook="https://example.com/hook")
    await workshop.fail("g1")
    await delivery.schedule("g1", hands)
    await hands.generations.decide("g1", decisions.erase, cause=BY_TEST)
    (*_, erased) = await workshop.events("g1")
    await erasure.handle(erased, hands=hands)
    found = await hands.webhooks.deliveries.page(
        "prj-1", default_endpoint("prj-1"), state=None, before=None, limit=9
    )
    assert [(row.state, row.reason, row.host) for row in found or ()] == [
        ("skipped", "generation_deleted", "")
    ]
