"""`audit replay --against`: histories in MongoDB with what is beside them, decided again."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from domain.accounts.tiers import TIERS
from domain.audit.judgement import Rules
from domain.generation.generation import stream_of
from domain.generation.lifecycle import Timeouts
from domain.generation.prediction import Prediction
from domain.generation.timings import Price
from domain.submission.instructions import parse_instructions, seed_of
from domain.submission.model_inputs import ADMITTED
from events.envelope import Cause
from events.invocation import PredictionSettled
from events.quota import QuotaReserved
from store.commits.unreadable import UnreadableCommit
from store.generations.generations import Generations
from store.generations.observations import Observations
from store.generations.personal_data import PersonalData
from store.replay.decision_replay import DecisionReplay, DecisionReport
from tests.builders.clock import Clock
from tests.builders.damage import DAMAGE
from tests.builders.generation import COMPLETED, MODEL, VALIDATED, intended, requested, settled, started
from tests.stores import OpenStore, open_store

CAUSE = Cause(actor="actor:test")
RULES = Rules(Timeouts(), TIERS, "first", ADMITTED)
TEXT = '{"prompt": "a quiet harbour"}'
NAMES = tuple(f"g{number}" for number in range(6))


@pytest.fixture
async def store(mongodb_url: str) -> AsyncIterator[OpenStore]:
    async with open_store(mongodb_url, clock=Clock()) as store:
        yield store


@pytest.fixture
async def lived(store: OpenStore) -> OpenStore:
    """Six completed generations, which found 10, 20, ... 60 units used."""
    for number, name in enumerate(NAMES, start=1):
        await live(store, name, used=10 * number)
    return store


async def live(store: OpenStore, name: str, *, used: int) -> None:
    clock, salt = Clock(), name.encode()
    personal_data = PersonalData(name, "token-1", salt, TEXT, (None,), clock())
    await store.personal_data.put(personal_data)
    generations = Generations(store.events, announce=lambda _: None, clock=clock)
    await generations.begin(name, requested(start_by=clock.now + Timeouts().to_start), cause=CAUSE)
    seed = seed_of(None, parse_instructions(TEXT, ceilings=ADMITTED), salt)
    validated = VALIDATED.model_copy(update={"composition": "single", "seed": seed})
    reserved = QuotaReserved(period="2026-11", used=used, limit=100, slots=1, slot_limit=1)
    clock.forward(seconds=1)
    await generations.decide(name, lambda _: [validated, reserved, intended(), started(prediction=name)], cause=CAUSE)
    observations = Observations(generations, store.personal_data, store.predictions, Price(0.001), [b"key"])
    ended = Prediction(name, "succeeded", "succeeded", MODEL, (f"https://out/{name}.png",), predict_seconds=3.5)
    assert await observations.record(name, 1, ended, cause=CAUSE)
    await generations.decide(name, lambda _: [COMPLETED], cause=CAUSE)


async def replay(store: OpenStore, rules: Rules = RULES, **given: str) -> DecisionReport:
    return await store.make(DecisionReplay).run(rules, **given)  # type: ignore[arg-type]


async def test_the_same_rules_come_to_the_same(lived: OpenStore) -> None:
    report = await replay(lived)
    assert (report.generations, report.same, report.differences, report.undecided) == (6, 6, [], 0)


async def test_a_lower_limit_names_exactly_the_generations_above_it(lived: OpenStore) -> None:
    tier = replace(TIERS["free_starter"], monthly=35)
    report = await replay(lived, replace(RULES, tiers={tier.name: tier}))
    assert [one.generation for one in report.differences] == ["g3", "g4", "g5"]
    assert (report.same, report.different, report.undecided) == (3, 3, 0)
    assert {one.today for one in report.differences} == {"generation.failed quota_exceeded"}
    assert report.differences[0].event == "generation-g3:3"
    one = await replay(lived, replace(RULES, tiers={tier.name: tier}), stream=stream_of("g4"))
    assert (one.generations, one.different) == (1, 1)


async def test_the_log_has_the_salted_hash_of_the_answer(lived: OpenStore) -> None:
    events = [event.event for commit in await lived.events.read(stream_of("g0")) for event in commit.events]
    [ended] = [event for event in events if isinstance(event, PredictionSettled)]
    kept = await lived.personal_data.get("g0", "token-1")
    assert kept is not None
    assert ended.answer == kept.answer_digest("g0") is not None
    assert ended.answer != replace(kept, salt=b"another").answer_digest("g0")


async def test_what_is_erased_changed_or_older_is_not_decidable(lived: OpenStore) -> None:
    await lived.personal_data.erase("g0")
    documents = lived.database["personal_data"]
    await documents.update_one({"generation": "g1"}, {"$set": {"provider.g1": '{"outputs": [], "error": null}'}})
    await documents.update_one({"generation": "g2"}, {"$set": {"provider": {}}})
    unhashed = settled(prediction="g3")
    await lived.events.append(
        stream_of("g9"),
        0,
        [requested(personal_data="gone"), started(prediction="g9"), unhashed],
        cause=CAUSE,
        time=Clock()(),
    )
    report = await replay(lived)
    assert dict(report.not_decidable) == {"personal_data_gone": 1, "answer_gone": 2, "answer_differs": 1}
    assert (report.same, report.undecided) == (3, 3)
    assert [one.generation for one in report.differences] == ["g9"], "a start without a claim"


async def test_an_answer_that_was_kept_with_the_event_is_not_replaced(lived: OpenStore) -> None:
    generations = Generations(lived.events, announce=lambda _: None, clock=Clock())
    observations = Observations(generations, lived.personal_data, lived.predictions, Price(0.001), [b"key"])
    later = Prediction("g0", "failed", "failed", MODEL, error="the provider does not know it any more")
    await observations.record("g0", 1, later, cause=CAUSE)
    assert (await replay(lived)).same == 6


async def test_a_stream_that_cannot_be_read_is_named_and_not_counted(lived: OpenStore) -> None:
    await DAMAGE["second body"].do(lived.database, "g0")
    found = list[UnreadableCommit]()
    report = await lived.make(DecisionReplay).run(RULES, on_unreadable=found.append)
    assert (report.generations, [one.stream for one in found]) == (5, ["generation-g0"])
