import asyncio
from collections.abc import Sequence

import pytest

from store.mongo.batcher import Batcher


class SlowServer:
    """A server that takes one batch at a time, each when the gate is opened."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Semaphore(0)

    async def send(self, items: Sequence[int]) -> list[Exception | None]:
        self.batches.append(list(items))
        await self.gate.acquire()
        if 13 in items:
            raise ConnectionError("all of them")
        return [ValueError(str(item)) if item < 0 else None for item in items]


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_an_idle_batcher_sends_at_once() -> None:
    line = SlowServer()
    line.gate.release()
    await Batcher(line.send).put(1)
    assert line.batches == [[1]]


async def test_calls_during_a_batch_share_the_next_one() -> None:
    line = SlowServer()
    batcher = Batcher(line.send)
    first = asyncio.create_task(batcher.put(1))
    await turns()
    rest = [asyncio.create_task(batcher.put(number)) for number in range(2, 6)]
    await turns()
    assert line.batches == [[1]]
    for _ in range(2):
        line.gate.release()
    await asyncio.gather(first, *rest)
    assert line.batches == [[1], [2, 3, 4, 5]]


async def test_batches_are_bounded_and_keep_the_order() -> None:
    line = SlowServer()
    for _ in range(10):
        line.gate.release()
    batcher = Batcher(line.send, largest=3)
    await asyncio.gather(*(batcher.put(number) for number in range(7)))
    assert line.batches == [[0, 1, 2], [3, 4, 5], [6]]


async def test_batches_that_are_apart_gather_what_arrives_in_between() -> None:
    line = SlowServer()
    for _ in range(3):
        line.gate.release()
    batcher = Batcher(line.send, apart=0.3)
    await batcher.put(1)
    later = [asyncio.create_task(batcher.put(2))]
    await turns()
    await asyncio.gather(*later, batcher.put(3))
    assert line.batches == [[1], [2, 3]]


async def test_each_caller_gets_the_error_of_its_item() -> None:
    line = SlowServer()
    line.gate.release()
    batcher = Batcher(line.send)
    outcomes = await asyncio.gather(*(batcher.put(n) for n in (1, -2, 3, -4)), return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["None", "-2", "None", "-4"]


async def test_an_error_of_a_batch_reaches_all_its_callers_and_no_others() -> None:
    line = SlowServer()
    for _ in range(2):
        line.gate.release()
    batcher = Batcher(line.send)
    outcomes = await asyncio.gather(*(batcher.put(n) for n in (1, 13)), return_exceptions=True)
    assert all(isinstance(outcome, ConnectionError) for outcome in outcomes)
    await batcher.put(2)


async def test_a_cancelled_caller_does_not_affect_others() -> None:
    line = SlowServer()
    batcher = Batcher(line.send)
    impatient, patient = asyncio.create_task(batcher.put(1)), asyncio.create_task(batcher.put(2))
    await turns()
    impatient.cancel()
    await turns()
    line.gate.release()
    await patient
    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_a_call_with_several_items_gets_the_answer_or_the_error_of_each() -> None:
    line = SlowServer()
    line.gate.release()
    answers = await Batcher(line.send).put_all([1, -2, 3])
    assert (answers[0], str(answers[1]), answers[2]) == (None, "-2", None)
    assert line.batches == [[1, -2, 3]]


async def test_several_items_stay_in_one_batch_where_they_fit() -> None:
    line = SlowServer()
    for _ in range(10):
        line.gate.release()
    batcher = Batcher(line.send, largest=3)
    asked: list[list[int]] = [[1, 2], [3, 4], [5], [], [6, 7, 8, 9]]
    answers = await asyncio.gather(*map(batcher.put_all, asked))
    assert [len(one) for one in answers] == [2, 2, 1, 0, 4]
    assert line.batches == [[1, 2], [3, 4, 5], [6, 7, 8], [9]]


async def test_a_batch_with_too_few_answers_is_an_error_of_all_its_callers() -> None:
    async def send(items: Sequence[int]) -> list[int]:
        return list(items[1:])

    with pytest.raises(ValueError, match="shorter"):
        await Batcher(send).put(1)


async def test_a_canceled_call_with_several_items_leaves_the_batches_of_others_alone() -> None:
    line = SlowServer()
    batcher = Batcher(line.send)
    canceled = asyncio.create_task(batcher.put_all([1, -2]))
    await turns()
    other = asyncio.create_task(batcher.put(-3))
    canceled.cancel()
    for _ in range(2):
        line.gate.release()
    with pytest.raises(ValueError, match="-3"):
        await other
    with pytest.raises(asyncio.CancelledError):
        await canceled
    assert line.batches == [[1, -2], [-3]]
