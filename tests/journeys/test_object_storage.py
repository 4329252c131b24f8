"""Pictures in an object storage, from the upload to the erasure, with every process and command of the product."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from pymongo import MongoClient

from tests.conftest import CloseAfter
from tests.systems.commands import Done, command
from tests.systems.databases import Databases
from tests.systems.object_storage import KEY_ID, SECRET, ObjectStorage, opened_object_storage
from tests.systems.servers import RabbitServer
from tests.systems.system import System, opened_system
from tests.systems.tenants import ONE, make_tenant
from tests.systems.waiting import until

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStorage]:
    with opened_object_storage(tmp_path_factory.mktemp("storage")) as storage:
        yield storage


@pytest.fixture(scope="module")
def bucket(storage: ObjectStorage) -> str:
    return storage.new_bucket()


@pytest.fixture(scope="module")
def system(
    storage: ObjectStorage,
    bucket: str,
    databases: Databases,
    rabbit_server: RabbitServer,
    tmp_path_factory: pytest.TempPathFactory,
    close_after: CloseAfter,
) -> Iterator[System]:
    environ = {
        "EXEMPLAR_BLOB_STORE": "s3",
        "EXEMPLAR_S3_BUCKET": bucket,
        "EXEMPLAR_S3_ENDPOINT": storage.url,
        "EXEMPLAR_S3_ACCESS_KEY_ID": KEY_ID,
        "EXEMPLAR_S3_SECRET_ACCESS_KEY": SECRET,
    }
    home = tmp_path_factory.mktemp("system")
    with rabbit_server.lent("storage") as amqp_url, opened_system(home, databases, amqp_url, environ) as system:
        system.start()
        close_after(Path(__file__), system.close)
        yield system


async def run(system: System, folder: Path, *arguments: str, **environ: str) -> Done:
    kept = {name: value for name, value in system.env.items() if name.startswith("EXEMPLAR_")}
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **kept, **environ}
    return await command(*arguments, env=env, cwd=folder)


def bytes_in_mongodb(system: System) -> int:
    with MongoClient[dict[str, object]](system.env["EXEMPLAR_MONGODB_URL"]) as client:
        return client.get_default_database()["blobs"].count_documents({"data": {"$exists": True}})


async def test_a_picture_lives_in_the_bucket_until_it_is_erased(
    system: System, storage: ObjectStorage, bucket: str, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    tenant = await make_tenant(system, session, "internal")
    name = await tenant.accepted()
    await tenant.completed(name)
    picture = await tenant.get(f"{ONE}/{name}/images/0")
    assert picture.headers["ETag"] == f'"{hashlib.sha256(picture.data).hexdigest()}"'
    part = await tenant.get(f"{ONE}/{name}/images/0", Range="bytes=10-99")
    assert (part.status, part.data) == (206, picture.data[10:100])
    assert (len(storage.names(bucket)), bytes_in_mongodb(system)) == (2, 0)

    assert (await run(system, tmp_path, "audit", "checkpoint")).code == 0
    done = await run(system, tmp_path, "audit", "verify")
    assert (done.code, "2 pictures" in done.out) == (0, True), done
    done = await run(system, tmp_path, "audit", "export", "copy", "--pictures")
    assert done.code == 0, done
    assert picture.data in [file.read_bytes() for file in (tmp_path / "copy").rglob("*") if file.is_file()]

    async with session.delete(f"{system.base_url}{ONE}/{name}", headers=tenant.headers) as erased:
        assert erased.status == 200
    assert (await tenant.get(f"{ONE}/{name}/images/0")).status == 410
    assert storage.names(bucket) == []
    assert (await run(system, tmp_path, "audit", "verify")).code == 0


async def test_without_the_storage_uploads_are_unavailable_and_later_go_on(
    system: System, storage: ObjectStorage, bucket: str, session: aiohttp.ClientSession, tmp_path: Path
) -> None:
    tenant = await make_tenant(system, session, "internal")
    storage.stop()
    refused = await tenant.submit()
    assert (refused.status, refused.body["code"]) == (503, "store_unavailable"), refused.data
    assert "Retry-After" in refused.headers
    done = await run(system, tmp_path, "audit", "verify", EXEMPLAR_S3_BUCKET="another")
    assert "EXEMPLAR_S3_BUCKET" in done.error
    storage.start()
    storage.ask("PUT", f"/{bucket}")
    name = await tenant.accepted()
    await tenant.completed(name)
    logged = json.dumps([system.logged(process) for process in ("gateway", "worker", "scheduler")])
    assert SECRET not in logged
    await until(lambda: "object_storage_failed" in json.dumps(system.logged("gateway")), "the failure is logged")
