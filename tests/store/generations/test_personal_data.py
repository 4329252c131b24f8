import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.generation.digests import salted_digest
from domain.generation.generation import stream_of
from store.generations.mongo_personal_data import MongoPersonalData
from store.generations.personal_data import (
    ClientTexts,
    PersonalData,
    PersonalDataStore,
    ProviderTexts,
)
from store.mongo.connection import Database, Document
from store.mongo.provisional import ProvisionalWrites

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LATER = ProviderTexts("p2", ("https://out/1.png",))
SAID = PersonalData(
    generation="g1",
    token="t1",
    salt=b"\x00\xff" * 8,
    instructions='{"prompt": "a cat\\u0000"}',
    file_names=("кот.png", None),
    created_at=NOON,
    metadata={"order": 7},
    webhook="https://example.com/hook",
    idempotency_key="k-1",
)


async def test_personal_data_are_read_back_unchanged(personal_data: PersonalDataStore) -> None:
    await personal_data.put(SAID)
    assert await personal_data.get("g1", "t1") == SAID
    assert await personal_data.get("g1", "other") is None
    assert await personal_data.get("other", "t1") is None


async def test_personal_data_without_optional_fields_are_read_back(
    personal_data: PersonalDataStore,
) -> None:
    plain = PersonalData("g1", "t1", b"salt", '{"prompt": "x"}', (), NOON)
    await personal_data.put(plain)
    assert await personal_data.get("g1", "t1") == plain


async def test_a_second_put_of_the_same_token_changes_nothing(personal_data: PersonalDataStore) -> None:
    await personal_data.put(SAID)
    await personal_data.put(replace(SAID, instructions="other"))
    assert await personal_data.get("g1", "t1") == SAID


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"$ref": "users", "$id": 1},
        {"a.b": {"$set": 1}},
        {"": "", "nul\x00key": "nul\x00value"},
        {"huge": 2**80, "deep": [[[[None]]]]},
        {"lone surrogate": "\ud800"},
    ],
    ids=repr,
)
async def test_unusual_json_is_kept(personal_data: PersonalDataStore, metadata: dict[str, Any]) -> None:
    await personal_data.put(replace(SAID, metadata=metadata))
    stored = await personal_data.get("g1", "t1")
    assert stored is not None
    assert stored.metadata == metadata


async def test_texts_of_many_generations_are_read_together(personal_data: PersonalDataStore) -> None:
    await personal_data.put(SAID)
    await personal_data.put(replace(SAID, generation="g2", metadata=None))
    await personal_data.put(replace(SAID, generation="g3", token="t3", metadata={"a": "b"}))
    names = [("g1", "t1"), ("g2", "t1"), ("g3", "t3"), ("g3", "other"), ("g4", "t1")]
    assert await personal_data.texts(names) == {
        "g1": ClientTexts(SAID.instructions, {"order": 7}),
        "g2": ClientTexts(SAID.instructions, {}),
        "g3": ClientTexts(SAID.instructions, {"a": "b"}),
    }


async def test_provider_texts_are_kept_for_each_prediction(personal_data: PersonalDataStore) -> None:
    await personal_data.put(SAID)
    first = await personal_data.put_provider("g1", "t1", ProviderTexts("p1", ("https://out/1.png",)))
    second = await personal_data.put_provider("g1", "t1", ProviderTexts("p2", (), "NSFW \ud800"))
    stored = await personal_data.get("g1", "t1")
    assert stored is not None
    assert [stored.answer_digest(name) for name in ("p1", "p2", "p3")] == [first, second, None]
    assert None not in (first, second)
    assert stored.provider == {
        "p1": {"outputs": ["https://out/1.png"], "error": None},
        "p2": {"outputs": [], "error": "NSFW \ud800"},
    }


async def test_the_first_answer_about_a_prediction_is_kept(personal_data: PersonalDataStore) -> None:
    await personal_data.put(SAID)
    texts = [ProviderTexts("p1", (f"https://out/{number}.png",)) for number in range(8)]
    digests = await asyncio.gather(*(personal_data.put_provider("g1", "t1", one) for one in texts))
    stored = await personal_data.get("g1", "t1")
    assert stored is not None
    assert {*digests} == {stored.answer_digest("p1")}, "every observer records the hash of the answer that is kept"


class CountedReads(MongoPersonalData):
    """Counts the reads of documents."""

    reads = 0

    async def _find(self, ids: Sequence[str], *, fields: Document | None = None) -> Sequence[Document | None]:
        self.reads += 1
        return await super()._find(ids, fields=fields)


async def test_the_first_answer_is_hashed_without_reading_where_the_salt_is_known(database: Database) -> None:
    own, other = CountedReads(database), CountedReads(database)
    await own.put(SAID)
    digests = [await own.put_provider("g1", "t1", ProviderTexts("p1")), await other.put_provider("g1", "t1", LATER)]
    assert (own.reads, other.reads) == (0, 1)
    repeated = await own.put_provider("g1", "t1", ProviderTexts("p1", ("https://out/2.png",)))
    assert own.reads == 1, "an answer was there: its hash is asked for"
    stored = await own.get("g1", "t1")
    assert stored is not None
    assert [*digests, repeated] == [stored.answer_digest(name) for name in ("p1", "p2", "p1")]

    await own.erase("g1")
    await other.put(SAID)
    await own.put_provider("g1", "t1", ProviderTexts("p3"))
    assert own.reads == 3, "the salt was erased with the rest"


async def test_nothing_is_added_to_erased_personal_data(personal_data: PersonalDataStore) -> None:
    await personal_data.put(SAID)
    await personal_data.erase("g1")
    assert await personal_data.put_provider("g1", "t1", ProviderTexts("p1", ("https://out/1.png",))) is None
    await personal_data.confirm([("g1", "t1")])
    assert await personal_data.get("g1", "t1") is None


async def test_a_late_answer_about_erased_personal_data_is_not_kept_in_memory(database: Database) -> None:
    provisional = ProvisionalWrites(database)
    personal_data = MongoPersonalData(database, provisional)
    stream = stream_of("g1")
    await provisional.write(stream, {"insert": "blobs", "documents": [{"_id": "g1/d1"}]}, size=1, tags=["t1"])
    assert await personal_data.put_provider("g1", "t1", ProviderTexts("p1", ("https://out/1.png",))) is None
    assert [write.size for write in provisional.pending(stream)] == [1], "a picture still waits for its commit"


async def test_erasing_removes_one_token_or_one_generation_only(
    personal_data: PersonalDataStore,
) -> None:
    for generation, token in (("g1", "t1"), ("g1", "t2"), ("g1", "t3"), ("g2", "t1")):
        await personal_data.put(replace(SAID, generation=generation, token=token))
    await personal_data.erase("g1", token="t1")
    assert await personal_data.get("g1", "t1") is None
    assert await personal_data.get("g1", "t2") is not None
    for _ in range(2):
        await personal_data.erase("g1")
    assert await personal_data.get("g1", "t3") is None
    assert await personal_data.get("g2", "t1") is not None


async def test_texts_are_not_shown_once_they_were_erased(personal_data: PersonalDataStore) -> None:
    await personal_data.put(SAID)
    assert await personal_data.texts([("g1", "t1")]) == {"g1": ClientTexts(SAID.instructions, {"order": 7})}
    await personal_data.erase("g1")
    assert await personal_data.texts([("g1", "t1")]) == {}


async def test_texts_that_another_process_erased_are_missed_when_read_anew(database: Database) -> None:
    mine, other = MongoPersonalData(database), MongoPersonalData(database)
    await mine.put(SAID)
    await other.erase_all(["g1"])
    assert await mine.texts([("g1", "t1")], anew=True) == {}


async def test_unconfirmed_personal_data_are_listed_oldest_first(
    personal_data: PersonalDataStore,
) -> None:
    for token, age in (("young", 1), ("old", 3), ("older", 4), ("confirmed", 5)):
        await personal_data.put(replace(SAID, token=token, created_at=NOON - timedelta(hours=age)))
    for _ in range(2):
        await personal_data.confirm([("g1", "confirmed"), ("g1", "unknown")])
    before = NOON - timedelta(hours=2)
    found = await personal_data.unconfirmed_before(before, limit=10)
    assert [(one.generation, one.token) for one in found] == [("g1", "older"), ("g1", "old")]
    assert found[0].created_at == NOON - timedelta(hours=4)
    assert await personal_data.unconfirmed_before(before, limit=1) == found[:1]


async def test_unconfirmed_personal_data_of_one_moment_are_paged(personal_data: PersonalDataStore) -> None:
    for number in range(5):
        await personal_data.put(replace(SAID, token=f"t{number}", created_at=NOON))
    before, last, pages = NOON + timedelta(seconds=1), None, []
    while page := await personal_data.unconfirmed_before(before, limit=2, after=last):
        pages.append([one.token for one in page])
        last = page[-1]
    assert pages == [["t0", "t1"], ["t2", "t3"], ["t4"]]


async def test_confirming_changes_only_the_list_of_unconfirmed(personal_data: PersonalDataStore) -> None:
    await personal_data.put(SAID)
    await personal_data.confirm([("g1", "t1")])
    assert await personal_data.get("g1", "t1") == SAID


def test_a_digest_depends_on_the_salt_and_on_where_parts_end() -> None:
    several = {salted_digest(b"s", b"ab", b"c"), salted_digest(b"s", b"a", b"bc"), SAID.digest(b"ab", b"c")}
    assert len(several) == 3
    assert SAID.digest(b"x") == salted_digest(SAID.salt, b"x")
