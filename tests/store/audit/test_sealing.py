"""Checkpoints as they are made and kept, on a real server."""

import asyncio
import base64
from dataclasses import replace

import pytest

from domain.audit.checkpoint_key import SigningKey
from domain.audit.checkpoints import Checkpoint, ContradictionError, checkpoint_from, open_note
from domain.audit.merkle import Frontier
from tests.builders.merkle import root_of
from tests.store.audit.conftest import KEY, Archive

STRANGER = SigningKey("exemplar", bytes(32))


async def leaves(archive: Archive) -> list[bytes]:
    entries = await archive.database["log"].find({}).sort("_id", 1).to_list(None)
    return [entry["leaf"] for entry in entries]


async def test_an_empty_log_is_not_signed(archive: Archive) -> None:
    assert await archive.sign() is None
    assert await archive.signed_sizes() == []


async def test_a_checkpoint_holds_the_root_of_all_leaves_under_a_signature(archive: Archive) -> None:
    await archive.fill()
    made = await archive.sign()
    assert made is not None
    signed = checkpoint_from(open_note(made.note, [KEY.public]))
    assert signed == Checkpoint("exemplar", 9, root_of(await leaves(archive)))
    assert await archive.store.checkpoints.latest() == replace(
        made, time=made.time.replace(microsecond=made.time.microsecond // 1000 * 1000)
    )


async def test_a_log_that_has_not_grown_is_not_signed_again(archive: Archive) -> None:
    await archive.fill()
    await archive.sign()
    assert await archive.sign() is None
    assert await archive.signed_sizes() == [9]


async def test_the_next_checkpoint_grows_from_the_last_one(archive: Archive) -> None:
    await archive.fill()
    await archive.sign()
    for version in range(6):
        await archive.write("d", after=version)
        await archive.seal()
        made = await archive.sign()
        assert made is not None
        assert made.root == root_of(await leaves(archive))
    assert await archive.signed_sizes() == [9, 10, 11, 12, 13, 14, 15]


async def test_several_makers_at_once_make_one_checkpoint(archive: Archive) -> None:
    await archive.fill()
    made = await asyncio.gather(*(archive.sign() for _ in range(5)))
    assert await archive.signed_sizes() == [9]
    assert len({one.note for one in made if one}) == 1


async def test_a_second_maker_gets_the_checkpoint_of_the_first(archive: Archive) -> None:
    await archive.fill()
    first = await archive.sign()
    assert first is not None
    again = await archive.store.checkpoints.record(replace(first, note="another", time=archive.tick()))
    assert again.note == first.note


async def test_another_root_at_a_signed_size_is_refused(archive: Archive) -> None:
    await archive.fill()
    first = await archive.sign()
    assert first is not None
    frontier = Frontier().extended([b"x" * 32] * 9)
    forged = replace(first, root=frontier.root(), frontier=frontier)
    with pytest.raises(ContradictionError, match="another root"):
        await archive.store.checkpoints.record(forged)
    kept = await archive.store.checkpoints.at(9)
    assert kept is not None
    assert kept.root == first.root


async def test_a_log_that_lost_its_end_is_not_signed(archive: Archive) -> None:
    await archive.fill()
    await archive.sign()
    await archive.database["log"].delete_one({"_id": 9})
    with pytest.raises(ContradictionError, match="ends at 8, but 9 commits were signed"):
        await archive.sign()


async def test_a_log_with_a_gap_is_not_signed(archive: Archive) -> None:
    await archive.fill()
    await archive.database["log"].delete_one({"_id": 4})
    with pytest.raises(ContradictionError, match="missing"):
        await archive.sign()
    assert await archive.signed_sizes() == []


async def test_nothing_is_built_on_a_forged_checkpoint(archive: Archive) -> None:
    await archive.fill()
    await archive.sign()
    await archive.write("d")
    await archive.seal()
    kept = archive.database["checkpoints"]
    honest = await kept.find_one({"_id": 9})
    assert honest is not None
    forgeries: list[dict[str, object]] = [
        {"root": bytes(32)},
        {"frontier": [bytes(32), bytes(32)]},
        {"frontier": []},
        {"frontier": None},
        {"note": "nothing"},
    ]
    for forgery in forgeries:
        await archive.tamper("checkpoints", {"_id": 9}, forgery)
        with pytest.raises(ContradictionError, match="checkpoint 9"):
            await archive.sign()
        await kept.replace_one({"_id": 9}, honest)
    assert await archive.signed_sizes() == [9]


async def test_nothing_is_built_on_what_a_stranger_signed(archive: Archive) -> None:
    await archive.fill()
    await archive.sign(key=STRANGER)
    await archive.write("d")
    await archive.seal()
    with pytest.raises(ContradictionError, match="not signed by a trusted key"):
        await archive.sign()


async def test_a_new_key_goes_on_where_a_retired_one_ended(archive: Archive) -> None:
    await archive.fill()
    await archive.sign()
    await archive.write("d")
    await archive.seal()
    made = await archive.sign(key=STRANGER)
    assert made is not None
    assert made.size == 10
    assert base64.b64encode(made.root).decode() in open_note(made.note, [STRANGER.public])
