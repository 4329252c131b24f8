"""The client: one method for each operation of an end user."""

import hashlib
import json
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Self, cast
from uuid import uuid4

from exemplar_client.errors import DamagedPictureError, NotFoundError, UnfinishedError
from exemplar_client.events import EventStream
from exemplar_client.resources import Accepted, Event, Generation, Page, Picture
from exemplar_client.session import Keys, Retries, Session

Source = bytes | str | PathLike[str]
"""A picture's bytes, or the path of its file."""

Instructions = str | Mapping[str, Any]
"""JSON text or a mapping; needs a `prompt`."""

_GENERATION = "/api/v1/generation"
_ALL = f"{_GENERATION}/generations-v2"
_LONG_POLL_S = 30


class Client:
    """Calls the API as one end user; logs in at the first request and stays logged in.

    Requests are retried after connection errors, 408, 429 and 5xx as `retries` says; a lasting failure is
    raised as a ClientError. Threads may share a client.
    """

    def __init__(
        self,
        base_url: str,
        keys: Keys,
        *,
        email: str,
        password: str,
        retries: Retries | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        login = {"email": email, "password": password}
        self._session = Session(base_url, keys, login, retries or Retries(), sleep)
        self._clock = clock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._session.close()

    def log_in(self) -> None:
        """Log in now instead of at the first request."""
        self._session.log_in()

    def submit(
        self,
        pictures: Sequence[Source],
        instructions: Instructions,
        *,
        idempotency_key: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        webhook: str | None = None,
        webhook_events: Sequence[str] = (),
    ) -> Accepted:
        """Submit 1 to 5 example pictures (JPEG, PNG, WebP; paths or bytes) with instructions.

        All attempts carry one Idempotency-Key, so that they make one generation; your own key extends that
        beyond this call, for example over a crash of your program. `webhook_events` is a selection of
        `start`, `progress` and `completed`.
        """
        key = idempotency_key or str(uuid4())
        response = self._session.request(
            "POST",
            f"{_GENERATION}/generate-v2",
            headers={**self._session.keys.headers, "Idempotency-Key": key},
            files=files_of(pictures),
            data=fields_of(instructions, metadata, webhook, webhook_events),
        )
        body = response.json()
        return Accepted(body["id"], key, "Idempotency-Replayed" in response.headers, body["urls"])

    def get(self, generation_id: str) -> Generation:
        return cast("Generation", self._session.request("GET", f"{_ALL}/{generation_id}").json())

    def page(self, number: int = 1, *, per_page: int = 20) -> Page:
        """List generations, newest first; pages are numbered from 1 and hold up to 100."""
        params = {"page": number, "per_page": per_page}
        return cast("Page", self._session.request("GET", _ALL, params=params).json())

    def wait(self, generation_id: str, *, timeout: float = 2400.0) -> Generation:
        """Wait until a generation is `completed` or `failed` and return it.

        `timeout` is in seconds; its default, 40 minutes, is longer than any generation takes. Raises
        UnfinishedError after it.
        """
        deadline = self._clock() + timeout
        while (generation := self.get(generation_id))["status"] not in ("completed", "failed"):
            left = deadline - self._clock()
            if left <= 0:
                raise UnfinishedError(f"{generation_id} is {generation['state']} after {timeout:g} s")
            params = {"after": generation["version"], "wait": max(1, min(_LONG_POLL_S, int(left)))}
            self._session.request("GET", f"{_ALL}/{generation_id}/events", params=params)
        return generation

    def events(self, generation_id: str, *, after: int = 0) -> Generator[Event, None, None]:
        """Read each event of a generation after version `after` once, in order, to its end."""
        return EventStream(self._session, f"{_ALL}/{generation_id}/events", str(after), ends=True).read()

    def feed(self, *, after: str | None = None) -> Generator[Event, None, None]:
        """Read the events of all generations of the user, without end.

        Resumes after the position of an earlier event; `"0"` is before the first. Without a position it
        begins with a `snapshot` of the 20 generations that changed last.
        """
        return EventStream(self._session, f"{_ALL}/events", after, ends=False).read()

    def cancel(self, generation_id: str) -> Generation:
        """Cancel a generation and return its current state; a finished one stays unchanged."""
        return cast("Generation", self._session.request("POST", f"{_ALL}/{generation_id}/cancel").json())

    def publish(self, generation_id: str, *, is_public: bool = True) -> Generation:
        """Make a finished generation public, or private again."""
        body = {"is_public": is_public}
        response = self._session.request("PATCH", f"{_ALL}/{generation_id}/public", json=body)
        return cast("Generation", response.json())

    def delete(self, generation_id: str) -> None:
        """Delete a generation with its texts and pictures; repeatable."""
        try:
            self._session.request("DELETE", f"{_ALL}/{generation_id}")
        except NotFoundError as error:
            if error.status != 410:
                raise

    def picture(self, generation_id: str, number: int = 0) -> Picture:
        """Download a picture of a finished generation, numbered from 0, and check its SHA-256."""
        result = self.get(generation_id)["result"]
        images = result["images"] if result else []
        if number >= len(images):
            raise ValueError(f"{generation_id} has {len(images)} pictures")
        response = self._session.request("GET", f"{_ALL}/{generation_id}/images/{number}")
        sha256 = hashlib.sha256(response.content).hexdigest()
        if sha256 != images[number]["sha256"]:
            raise DamagedPictureError(f"picture {number} of {generation_id} arrived with SHA-256 {sha256}")
        return Picture(response.content, response.headers["Content-Type"], sha256)

    def receipt(self, generation_id: str, number: int = 0, *, personal_data: bool = True) -> dict[str, Any]:
        """Read the signed receipt of a picture, numbered from 0, with your instructions unless they are declined.

        Raises ApiError `receipt_pending`, with `retry_after` in seconds, until it can be made.
        """
        params = {"number": number, "personal_data": personal_data}
        response = self._session.request("GET", f"{_ALL}/{generation_id}/receipt", params=params)
        return cast("dict[str, Any]", response.json())

    def download(self, generation_id: str, target: Path, *, number: int = 0) -> Path:
        """Download a picture to a file, atomically; return `target`."""
        part = target.with_name(f".{target.name}.{uuid4().hex}")
        part.write_bytes(self.picture(generation_id, number).content)
        return part.replace(target)

    def webhook_secret(self) -> str:
        """Read the secret that signs the webhooks of this project's submissions."""
        headers = self._session.keys.headers
        response = self._session.request("GET", "/api/v1/webhooks/default/secret", headers=headers)
        return str(response.json()["key"])


def files_of(pictures: Sequence[Source]) -> list[tuple[str, tuple[str, bytes, str]]]:
    """Read pictures into parts of the form; file names are not sent."""
    return [
        ("example_images", (f"image-{number}", _content(picture), "application/octet-stream"))
        for number, picture in enumerate(pictures, start=1)
    ]


def fields_of(
    instructions: Instructions,
    metadata: Mapping[str, Any] | None,
    webhook: str | None,
    webhook_events: Sequence[str],
) -> dict[str, str | list[str]]:
    """Write the text parts of the form."""
    fields: dict[str, str | list[str]] = {"instructions": _json(instructions)}
    if metadata is not None:
        fields["metadata"] = _json(metadata)
    if webhook is not None:
        fields["webhook"] = webhook
    if webhook_events:
        fields["webhook_events_filter"] = list(webhook_events)
    return fields


def _content(picture: Source) -> bytes:
    return picture if isinstance(picture, bytes) else Path(picture).read_bytes()


def _json(value: Instructions) -> str:
    """Write JSON without escapes: the service allows 1000 characters of this text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
