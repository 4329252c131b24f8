"""An object storage with the protocol of S3 in a process of its own: the server of moto, which keeps it in memory."""

import http.client
import os
import re
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from aiobotocore.session import get_session

from exemplar.local.pids import PidFiles
from exemplar.local.ports import Ports, listening
from exemplar.local.processes import Child, Program, bare
from store.objects.settings import S3Settings

KEY_ID, SECRET = "AKIA0000000000EXAMPLE", "only-for-the-length-of-one-test-run"


class ObjectStorage:
    """The server; `url` is its address."""

    def __init__(self, home: Path) -> None:
        self._port = Ports(home / "s3.json").of("s3")
        self.url = f"http://127.0.0.1:{self._port}"
        command = (sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self._port))
        program = Program("s3", command, bare(os.environ), log=home / "s3.log")
        self._child = Child(program, PidFiles(home))

    def start(self) -> None:
        self._child.start()
        self._child.wait_until(lambda: listening(self._port), deadline_s=60)

    def stop(self) -> None:
        self._child.kill()
        self._child.stop()

    def new_bucket(self, *, versions: bool = False) -> str:
        """Make a bucket; return its name."""
        name = f"pictures-{uuid.uuid4().hex[:16]}"
        self.ask("PUT", f"/{name}")
        if versions:
            self.ask(
                "PUT",
                f"/{name}?versioning",
                "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
            )
        return name

    def names(self, bucket: str) -> list[str]:
        """List the objects of a bucket."""
        return re.findall("<Key>(.*?)</Key>", self.ask("GET", f"/{bucket}"))

    def ask(self, method: str, path: str, body: str | bytes = b"") -> str:
        """Call the server itself; return its answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        connection.request(method, path, body, {"Authorization": "AWS any"})  # that of the owner, unchecked
        response = connection.getresponse()
        answer = response.read().decode(errors="replace")
        connection.close()
        assert response.status < 300, answer
        return answer


@contextmanager
def one_description() -> Iterator[None]:
    """Let all clients of a run use one description of the protocol: reading it takes a tenth of a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aiobotocore.session.get_session", cache(get_session))
        yield


@contextmanager
def opened_object_storage(home: Path) -> Iterator[ObjectStorage]:
    storage = ObjectStorage(home)
    storage.start()
    try:
        with one_description():
            yield storage
    finally:
        storage.stop()


def s3_settings(url: str, bucket: str, **more: object) -> S3Settings:
    given = {"s3_endpoint": url, "s3_bucket": bucket, "s3_access_key_id": KEY_ID, "s3_secret_access_key": SECRET}
    return S3Settings.model_validate({**given, "s3_region": "eu-central-1", **more})
