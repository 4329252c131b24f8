from collections.abc import Awaitable, Callable, Mapping

import dramatiq

from actors.broker import EventActor, EventBroker
from actors.runner import ActorRunner, RunActor
from events.envelope import RecordedEvent

Handler = Callable[[RecordedEvent], Awaitable[None]]


def actors_of(handlers: Mapping[str, Handler]) -> RunActor:
    """Make an actor of each handler; the events of other queues are ignored."""
    broker = EventBroker()
    for queue, handler in handlers.items():
        dramatiq.actor(broker=broker, actor_class=EventActor, actor_name=queue, queue_name=queue)(handler)
    run_actor = ActorRunner(broker, lambda function, given: function)

    async def run(queue: str, event: RecordedEvent) -> None:
        if queue in handlers:
            await run_actor(queue, event)

    return run
