from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from store.generations.personal_data import ProviderWords, Words, WordsStore, salted_digest

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SAID = Words(
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


async def test_words_are_read_back_as_they_were(words: WordsStore) -> None:
    await words.put(SAID)
    assert await words.get("g1", "t1") == SAID
    assert await words.get("g1", "other") is None
    assert await words.get("other", "t1") is None


async def test_words_of_which_nothing_optional_was_said_are_read_back_too(words: WordsStore) -> None:
    plain = Words("g1", "t1", b"salt", '{"prompt": "x"}', (), NOON)
    await words.put(plain)
    assert await words.get("g1", "t1") == plain


async def test_a_second_put_of_the_same_token_changes_nothing(words: WordsStore) -> None:
    await words.put(SAID)
    await words.put(replace(SAID, instructions="other"))
    assert await words.get("g1", "t1") == SAID


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
async def test_strange_json_of_strangers_survives(words: WordsStore, metadata: dict[str, Any]) -> None:
    await words.put(replace(SAID, metadata=metadata))
    await words.put_model_input("g1", "t1", metadata)
    stored = await words.get("g1", "t1")
    assert stored is not None
    assert stored.metadata == metadata
    assert stored.model_input == metadata


async def test_metadata_of_many_are_read_together(words: WordsStore) -> None:
    await words.put(SAID)
    await words.put(replace(SAID, generation="g2", metadata=None))
    await words.put(replace(SAID, generation="g3", token="t3", metadata={"a": "b"}))
    names = [("g1", "t1"), ("g2", "t1"), ("g3", "t3"), ("g3", "other"), ("g4", "t1")]
    assert await words.metadata(names) == {"g1": {"order": 7}, "g3": {"a": "b"}}


async def test_what_the_provider_said_is_kept_for_each_prediction(words: WordsStore) -> None:
    await words.put(SAID)
    await words.put_provider("g1", "t1", ProviderWords("p1", ("https://out/1.png",)))
    await words.put_provider("g1", "t1", ProviderWords("p2", (), "NSFW \ud800"))
    stored = await words.get("g1", "t1")
    assert stored is not None
    assert stored.provider == {
        "p1": {"outputs": ["https://out/1.png"], "error": None},
        "p2": {"outputs": [], "error": "NSFW \ud800"},
    }


async def test_nothing_is_added_to_words_that_were_erased(words: WordsStore) -> None:
    await words.put(SAID)
    await words.erase("g1")
    await words.put_model_input("g1", "t1", {"prompt": "x"})
    await words.put_provider("g1", "t1", ProviderWords("p1", ("https://out/1.png",)))
    await words.confirm("g1", "t1")
    assert await words.get("g1", "t1") is None


async def test_erasing_takes_one_token_or_the_whole_generation_and_nobody_elses(words: WordsStore) -> None:
    for generation, token in (("g1", "t1"), ("g1", "t2"), ("g1", "t3"), ("g2", "t1")):
        await words.put(replace(SAID, generation=generation, token=token))
    await words.erase("g1", token="t1")
    assert await words.get("g1", "t1") is None
    assert await words.get("g1", "t2") is not None
    for _ in range(2):
        await words.erase("g1")
    assert await words.get("g1", "t3") is None
    assert await words.get("g2", "t1") is not None


async def test_words_that_no_stream_is_known_to_name_are_listed_oldest_first(words: WordsStore) -> None:
    for token, age in (("young", 1), ("old", 3), ("older", 4), ("confirmed", 5)):
        await words.put(replace(SAID, token=token, created_at=NOON - timedelta(hours=age)))
    for _ in range(2):
        await words.confirm("g1", "confirmed")
    before = NOON - timedelta(hours=2)
    assert list(await words.unconfirmed_before(before, limit=10)) == [("g1", "older"), ("g1", "old")]
    assert list(await words.unconfirmed_before(before, limit=1)) == [("g1", "older")]


async def test_confirming_shows_in_nothing_but_that_list(words: WordsStore) -> None:
    await words.put(SAID)
    await words.confirm("g1", "t1")
    assert await words.get("g1", "t1") == SAID


def test_a_digest_depends_on_the_salt_and_on_where_parts_end() -> None:
    several = {salted_digest(b"s", b"ab", b"c"), salted_digest(b"s", b"a", b"bc"), SAID.digest(b"ab", b"c")}
    assert len(several) == 3
    assert SAID.digest(b"x") == salted_digest(SAID.salt, b"x")
