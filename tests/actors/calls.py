from typing import Any

from events.envelope import RecordedEvent


async def call(actor: Any, event: RecordedEvent, **dependencies: Any) -> None:
    """Call the function of an actor."""
    await actor.fn(event, **dependencies)
