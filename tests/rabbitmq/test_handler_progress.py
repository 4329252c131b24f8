from rabbitmq.handler_progress import HandlerProgress
from tests.builders.clock import Monotonic


def test_one_handler_that_waits_long_stalls_nothing_while_others_end() -> None:
    clock = Monotonic()
    progress = HandlerProgress(clock)
    with progress.handling():
        for _ in range(3):
            with progress.handling():
                clock.now += 200
            assert progress.stalled_seconds() == 0
        clock.now += 300
        assert progress.stalled_seconds() == 300


def test_the_time_without_work_does_not_count() -> None:
    clock = Monotonic()
    progress = HandlerProgress(clock)
    clock.now += 1000
    assert progress.stalled_seconds() == 0
    with progress.handling():
        assert progress.stalled_seconds() == 0
        clock.now += 5
        assert progress.stalled_seconds() == 5
    assert progress.stalled_seconds() == 0
