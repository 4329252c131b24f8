from events.envelope import format_time
from gateway.audit.answers import ScheduledRun
from store.runs import WantedRun


def run_body(run: WantedRun) -> ScheduledRun:
    """Write a run that is wanted or under way."""
    return {
        "requested_at": format_time(run.requested_at),
        "began_at": None if run.began_at is None else format_time(run.began_at),
        "done": run.done,
        "size": run.size,
    }
