"""Verification compares every stored picture with the log, skips what was erased, and names the position."""

import asyncio
from collections.abc import Mapping
from hashlib import sha256

import pytest

from domain.audit.checkpoints import ContradictionError
from store.audit.picture_scan import PictureScan
from store.audit.picture_verification import PictureReport
from store.generations.blobs import PIECE
from store.mongo.connection import Database
from store.objects.s3_objects import S3Objects
from tests.builders.stored_generation import StoredGeneration
from tests.store.audit.conftest import AuditHarness
from tests.store.conftest import make_s3_blobs
from tests.store.generations.test_blobs import blob
from tests.systems.object_storage import ObjectStorage

GENERATION = "0193f5e0-0000-7000-8000-000000000001"


async def completed(audit_log: AuditHarness) -> StoredGeneration:
    """Store a generation at positions 10 and 11; its example has three pieces."""
    await audit_log.fill()
    made = await audit_log.complete(GENERATION, 600_000, 900)
    await audit_log.seal()
    return made


async def test_pictures_as_they_were_recorded_are_counted(audit_log: AuditHarness) -> None:
    await completed(audit_log)
    assert await audit_log.verify_pictures() == PictureReport(2, 0, 0)


async def test_pictures_in_a_bucket_are_compared_too(
    audit_log: AuditHarness, objects: S3Objects, object_storage: ObjectStorage, bucket: str
) -> None:
    audit_log.store.set(objects=objects, blobs=make_s3_blobs(audit_log.database, objects))
    await audit_log.fill()
    made = await audit_log.complete(GENERATION, 2 * PIECE, 900)
    await audit_log.seal()
    assert await audit_log.verify_pictures() == PictureReport(2, 0, 0)
    names = {name.split("/")[2]: f"/{bucket}/{name}" for name in object_storage.names(bucket)}
    example, result = [names[blob.digest] for blob in made.blobs]
    for other in (bytes(2 * PIECE), made.blobs[0].data + b"?", made.blobs[0].data[:-1]):
        object_storage.ask("PUT", example, other)
        with pytest.raises(ContradictionError, match=r"position 10: picture .*: its bytes"):
            await audit_log.verify_pictures()
    object_storage.ask("PUT", example, made.blobs[0].data)
    object_storage.ask("DELETE", result)
    with pytest.raises(ContradictionError, match=r"position 11: picture .*: its bytes"):
        await audit_log.verify_pictures()


async def test_pictures_in_a_bucket_are_read_eight_at_once_in_their_order(
    database: Database, objects: S3Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = [f"d{number:02}" for number in range(16)]
    await make_s3_blobs(database, objects).put(*map(blob, digests))
    await database["meta"].insert_one({})  # a majority has it, and what was written before
    eight, get = asyncio.Barrier(8), objects.get

    async def get_together(name: str) -> bytes | None:
        async with asyncio.timeout(20), eight:
            return await get(name)

    monkeypatch.setattr(objects, "get", get_together)
    assert [picture.digest async for picture in PictureScan(database, objects).pictures()] == digests


def keys(made: StoredGeneration) -> list[str]:
    return [f"{GENERATION}/{blob.digest}" for blob in made.blobs]


async def test_a_changed_picture_is_found_with_the_position_of_its_event(audit_log: AuditHarness) -> None:
    made = await completed(audit_log)
    for key, position in zip(keys(made), (10, 11), strict=True):
        piece = f"{key}/0001" if position == 10 else key
        original = await audit_log.database["blobs"].find_one({"_id": piece})
        assert original is not None
        await audit_log.tamper("blobs", {"_id": piece}, {"data": b"x" + original["data"][1:]})
        with pytest.raises(ContradictionError, match=f"position {position}: picture {key}: its bytes") as fault:
            await audit_log.verify_pictures()
        assert fault.value.position == position
        await audit_log.database["blobs"].replace_one({"_id": piece}, original)


async def test_a_replaced_picture_is_found_although_its_own_hash_is_right(audit_log: AuditHarness) -> None:
    made = await completed(audit_log)
    other = bytes(900)
    change: dict[str, object] = {"data": other, "sha256": sha256(other).hexdigest()}
    await audit_log.tamper("blobs", {"_id": keys(made)[1]}, change)
    with pytest.raises(ContradictionError, match="its bytes are not those that were recorded"):
        await audit_log.verify_pictures()


FIELDS: Mapping[str, object] = {
    "kind": "example",
    "content_type": "image/webp",
    "token": "another",
    "digest": "0" * 64,
    "generation": "another",
    "sha256": "0" * 64,
    "data": "text",
}


@pytest.mark.parametrize("name", FIELDS)
async def test_a_changed_field_beside_a_picture_is_found(audit_log: AuditHarness, name: str) -> None:
    made = await completed(audit_log)
    await audit_log.tamper("blobs", {"_id": keys(made)[1]}, {name: FIELDS[name]})
    with pytest.raises(ContradictionError, match=keys(made)[1]):
        await audit_log.verify_pictures()


async def test_a_missing_and_an_added_piece_are_found(audit_log: AuditHarness) -> None:
    made = await completed(audit_log)
    blobs = audit_log.database["blobs"]
    piece = await blobs.find_one_and_delete({"_id": f"{keys(made)[0]}/0002"})
    with pytest.raises(ContradictionError, match="its bytes are not those that were stored"):
        await audit_log.verify_pictures()
    await blobs.insert_many([piece, {**piece, "_id": f"{keys(made)[0]}/0003"}])
    with pytest.raises(ContradictionError, match="its bytes are not those that were stored"):
        await audit_log.verify_pictures()


@pytest.mark.parametrize("change", [{"salt": bytes(32)}, {"token": "another"}, {"generation": "another"}])
async def test_changed_personal_data_are_found(audit_log: AuditHarness, change: dict[str, object]) -> None:
    await completed(audit_log)
    await audit_log.tamper("personal_data", {"generation": GENERATION}, change)
    with pytest.raises(ContradictionError, match=r"position 1[01]: picture"):
        await audit_log.verify_pictures()


async def test_what_was_erased_is_no_fault(audit_log: AuditHarness) -> None:
    await completed(audit_log)
    await audit_log.store.blobs.erase(GENERATION, kind="example")
    assert await audit_log.verify_pictures() == PictureReport(1, 0, 0)
    await audit_log.store.personal_data.erase(GENERATION)
    assert await audit_log.verify_pictures() == PictureReport(1, 1, 0)
    await audit_log.store.blobs.erase(GENERATION)
    assert await audit_log.verify_pictures() == PictureReport()


async def test_without_its_salt_a_picture_is_compared_with_the_hash_beside_it(audit_log: AuditHarness) -> None:
    made = await completed(audit_log)
    await audit_log.store.personal_data.erase(GENERATION)
    await audit_log.tamper("blobs", {"_id": keys(made)[1]}, {"data": bytes(900)})
    with pytest.raises(ContradictionError, match=r"position 11: picture"):
        await audit_log.verify_pictures()


async def test_a_picture_that_no_event_names_yet_is_counted(audit_log: AuditHarness) -> None:
    await completed(audit_log)
    other = await audit_log.store.blobs.get(GENERATION, (await audit_log.complete("b", 10, 20)).blobs[0].digest)
    assert other is None
    await audit_log.database["commits"].delete_many({"stream": "generation-b"})
    assert await audit_log.verify_pictures() == PictureReport(4, 0, 2)


async def test_pieces_without_their_head_are_a_fault_only_of_a_picture_that_is_named(audit_log: AuditHarness) -> None:
    made = await completed(audit_log)
    blobs = audit_log.database["blobs"]
    piece = await blobs.find_one({"_id": f"{keys(made)[0]}/0000"})
    assert piece is not None
    await blobs.insert_one({**piece, "_id": f"{GENERATION}/{'0' * 64}/0000"})
    assert await audit_log.verify_pictures() == PictureReport(3, 0, 1)
    await blobs.delete_one({"_id": keys(made)[0]})
    with pytest.raises(ContradictionError, match=r"position 10: .*its pieces have no head"):
        await audit_log.verify_pictures()
