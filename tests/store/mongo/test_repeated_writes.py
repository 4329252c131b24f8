"""A write beside the log is sent once more when its outcome is unknown, and has its effect once."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from pymongo.read_concern import ReadConcern

from domain.generation.digests import answer_digest
from domain.generation.generation import stream_of
from domain.generation.lifecycle import Timeouts
from store.errors import StoreUnavailableError
from store.generations.blobs import PIECE, Blob
from store.generations.mongo_blobs import MongoBlobs
from store.generations.mongo_personal_data import MongoPersonalData
from store.generations.mongo_projection import MongoProjection
from store.generations.personal_data import ProviderTexts
from store.generations.predictions import Predictions
from store.generations.projection import row_of
from store.mongo.connection import Database
from store.mongo.provisional import ProvisionalWrites
from store.objects.s3_objects import S3Objects
from tests.builders.generation import TO_INTENDED, folded
from tests.store.conftest import make_s3_blobs
from tests.store.lossy_proxy import LossyProxy
from tests.store.mongo.first_writes import BLOB, PERSONAL_DATA

STREAM = stream_of("g1")
ROW = row_of(folded(TO_INTENDED), Timeouts(), {})
PIXELS = bytes(range(256)) * (2 * PIECE // 256) + b"end"
IN_PIECES = replace(BLOB, data=PIXELS, sha256=hashlib.sha256(PIXELS).hexdigest())
FIRST, LATER = (ProviderTexts("p1", (f"https://out/{number}.png",)) for number in (1, 2))
INTERRUPTED = 11602


Lose = Callable[..., None]


@pytest.fixture(params=["request", "answer", "error"])
def lose(request: pytest.FixtureRequest, proxy: LossyProxy) -> Lose:
    """Lose the next requests of a command, or their answers, or report an error although the write was done."""

    def lose_next(command: str, collection: str, times: int = 1) -> None:
        name = collection.encode() + b"\x00"
        proxy.command = b"\x02" + command.encode() + b"\x00" + len(name).to_bytes(4, "little") + name
        proxy.code = INTERRUPTED if request.param == "error" else None
        if request.param == "request":
            proxy.lose_requests = times
        else:
            proxy.lose_answers = times

    return lose_next


@pytest.fixture(autouse=True)
def all_are_lost(proxy: LossyProxy) -> Iterator[None]:
    """Fail a test whose writes were not those that the proxy was to lose."""
    yield
    assert (proxy.lose_requests, proxy.lose_answers) == (0, 0)


async def count(database: Database, collection: str) -> int:
    """Count documents as the primary has them, which acknowledged these writes alone."""
    return await database.get_collection(collection, read_concern=ReadConcern("local")).count_documents({})


async def test_personal_data_are_stored_once(proxied_database: Database, lose: Lose) -> None:
    provisional = ProvisionalWrites(proxied_database)
    personal_data = MongoPersonalData(proxied_database, provisional)
    lose("insert", "personal_data")
    await personal_data.put(PERSONAL_DATA)
    assert len(provisional.pending(STREAM)) == 1  # so that a new primary gets them
    assert await MongoPersonalData(proxied_database).get("g1", "t1") == PERSONAL_DATA


async def test_the_first_answer_of_a_provider_is_kept(proxied_database: Database, lose: Lose) -> None:
    personal_data = MongoPersonalData(proxied_database)
    await personal_data.put(PERSONAL_DATA)
    lose("update", "personal_data")
    first = await personal_data.put_provider("g1", "t1", FIRST)
    assert first == answer_digest(PERSONAL_DATA.salt, FIRST.kept)
    assert await personal_data.put_provider("g1", "t1", LATER) == first


@pytest.mark.parametrize("blob", [BLOB, IN_PIECES], ids=["small", "in pieces"])
async def test_a_picture_is_stored_once(proxied_database: Database, lose: Lose, blob: Blob) -> None:
    blobs = MongoBlobs(proxied_database)
    lose("insert", "blobs")
    await blobs.put(blob)
    assert await blobs.get("g1", "d1") == blob
    assert await count(proxied_database, "blobs") == (1 if blob is BLOB else 4)  # a head and three pieces


async def test_a_picture_in_a_bucket_has_one_head(proxied_database: Database, objects: S3Objects, lose: Lose) -> None:
    blobs = make_s3_blobs(proxied_database, objects)
    lose("insert", "blobs")
    await blobs.put(BLOB)
    assert await blobs.get("g1", "d1") == BLOB


async def test_a_claim_succeeds_for_its_own_generation_alone(proxied_database: Database, lose: Lose) -> None:
    predictions = Predictions(proxied_database)
    lose("update", "predictions")
    assert await predictions.claim("p1", "g1")
    assert not await predictions.claim("p1", "g2")
    assert await predictions.owner("p1") == "g1"


@pytest.mark.parametrize("soon", [False, True], ids=["write", "write_soon"])
async def test_a_row_is_stored_once_and_never_goes_back(proxied_database: Database, lose: Lose, soon: bool) -> None:
    projection = MongoProjection(proxied_database)
    lose("update", "generations")
    await (projection.write_soon if soon else projection.write)([ROW])
    await projection.write([replace(ROW, version=ROW.version - 1, state="reserved")])
    [(stored, document)] = (await projection.stored([ROW.id])).items()
    assert (stored, document["version"], document["state"]) == (ROW.id, ROW.version, ROW.state)


async def test_writes_that_share_a_command_are_each_done_once(proxied_database: Database, lose: Lose) -> None:
    predictions = Predictions(proxied_database)
    assert await predictions.claim("p0", "g0")
    lose("update", "predictions")
    claims = [predictions.claim("p0", "g1"), *(predictions.claim(f"p{number}", "g1") for number in (1, 2, 3))]
    assert await asyncio.gather(*claims) == [False, True, True, True]
    assert await count(proxied_database, "predictions") == 4


async def test_a_write_that_is_lost_twice_is_unavailable_and_may_be_called_again(
    proxied_database: Database, lose: Lose
) -> None:
    personal_data = MongoPersonalData(proxied_database)
    lose("insert", "personal_data", 2)
    with pytest.raises(StoreUnavailableError):
        await personal_data.put(PERSONAL_DATA)
    await personal_data.put(PERSONAL_DATA)
    assert await personal_data.get("g1", "t1") == PERSONAL_DATA
