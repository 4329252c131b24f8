import structlog

from actors.runner import RunActor
from actors.subscriptions import QUEUES
from store.commits.contract import EventStore
from store.commits.unreadable import UNREADABLE
from store.failed.dead_letters import DeadLetters

_AT_ONCE = 20

log = structlog.get_logger()


async def replay_dead_letters(*, dead_letters: DeadLetters, events: EventStore, run_actor: RunActor) -> int:
    """Call actors again for the events that an operator chose; return how many calls were made.

    A call that fails again is kept as before, and waits for the next choice. One that succeeds is deleted.
    """
    wanted = await dead_letters.wanted(limit=_AT_ONCE)
    for queue, stream, version in wanted:
        try:
            commits = await events.read(stream, after=version - 1)
        except UNREADABLE as error:
            log.warning("dead_letter_unreadable", queue=queue, stream=stream, error=type(error).__name__)
            await dead_letters.unwanted(f"{queue}:{stream}:{version}")
            continue
        event = next((one for commit in commits for one in commit.events if one.version == version), None)
        if event is None or queue not in QUEUES:  # of another version of the code
            await dead_letters.unwanted(f"{queue}:{stream}:{version}")
            continue
        try:
            await run_actor(queue, event)
        except Exception as error:  # noqa: BLE001 - the runner keeps it
            log.warning("dead_letter_failed_again", queue=queue, event_id=event.id, error=type(error).__name__)
        else:
            await dead_letters.settle(queue, event)
            log.info("dead_letter_handled", queue=queue, event_id=event.id)
    return len(wanted)
