from events.envelope import Cause, RecordedEvent


def cause_of(actor: str, event: RecordedEvent) -> Cause:
    """Say that an actor acts because of an event."""
    return Cause(
        actor=f"actor:{actor}",
        request_id=event.cause.request_id,
        correlation_id=event.cause.correlation_id or event.stream,
        causation_id=event.id,
        traceparent=event.cause.traceparent,
    )
