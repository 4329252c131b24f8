"""What an end user does with generations, as methods of both clients."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Unpack
from uuid import uuid4

import httpx

from exemplar_client.errors import DamagedPictureError, NotFoundError, UnfinishedError
from exemplar_client.flow import Call, Flow, Method
from exemplar_client.form import Instructions, Options, Source, form_of, submission_headers
from exemplar_client.requests import Requests, headers_of
from exemplar_client.resources import Accepted, Generation, Page, Picture

GENERATION = "/api/v1/generation"
ALL = f"{GENERATION}/generations-v2"
_LONG_POLL_S = 30


class GenerationMethods:
    """Methods that need a user's credentials."""

    requests: Requests

    @Method
    def log_in(self) -> Flow[None]:
        """Log in now instead of at the first request."""
        yield from self.requests.log_in()

    @Method
    def submit(
        self, pictures: Sequence[Source], instructions: Instructions, **options: Unpack[Options]
    ) -> Flow[Accepted]:
        """Submit 1 to 5 example pictures (JPEG, PNG, WebP) with instructions; `Options` lists the options.

        All attempts carry one Idempotency-Key, so that they make one generation.
        """
        sent = {"files": form_of(pictures, instructions, options)}
        key, headers = options.get("idempotency_key"), submission_headers(options)
        return (yield from _submitted(self.requests, "generate-v2", key, headers, sent))

    @Method
    def dry_run(
        self, pictures: Sequence[Source], instructions: Instructions, **options: Unpack[Options]
    ) -> Flow[dict[str, Any]]:
        """Ask what a submission with the same options would record: warnings, quota, place in the queue, estimate."""
        key = headers_of({"Idempotency-Key": options.get("idempotency_key")})
        headers = {**self.requests.credentials.submission_headers, **submission_headers(options), **key}
        sent = {"files": form_of(pictures, instructions, options), "params": {"dry_run": True}}
        response: httpx.Response = yield from self.requests.send(
            Call("POST", f"{GENERATION}/generate-v2", headers, sent)
        )
        answer: dict[str, Any] = response.json()
        return answer

    @Method
    def retry(
        self, generation_id: str, *, seed: Literal["new", "same"] = "new", idempotency_key: str | None = None
    ) -> Flow[Accepted]:
        """Make a finished generation once more, with another seed or the same."""
        path, sent = f"generations-v2/{generation_id}/retry", {"json": {"seed": seed}}
        return (yield from _submitted(self.requests, path, idempotency_key, {}, sent))

    @Method
    def get(self, generation_id: str) -> Flow[Generation]:
        """Read a generation."""
        generation: Generation = yield from self.requests.json("GET", f"{ALL}/{generation_id}")
        return generation

    @Method
    def explain(self, generation_id: str) -> Flow[dict[str, Any]]:
        """Explain in words why a generation is not finished, or why it failed."""
        explanation: dict[str, Any] = yield from self.requests.json("GET", f"{ALL}/{generation_id}/explain")
        return explanation

    @Method
    def page(self, /, number: int = 1, *, per_page: int = 20, **filters: Any) -> Flow[Page]:
        """List generations, newest first; pages are numbered from 1 and hold up to 100.

        `filters` are those of the API, for example `status="completed"`, or `**{"metadata.order": 7}`.
        """
        page: Page = yield from self.requests.json("GET", ALL, params={"page": number, "per_page": per_page, **filters})
        return page

    @Method
    def after(self, /, cursor: str | None = None, *, limit: int = 20, **filters: Any) -> Flow[Page]:
        """List generations after a cursor, the `next_cursor` of the page before; what is new shifts nothing."""
        params = {"limit": limit, **filters} | ({} if cursor is None else {"cursor": cursor})
        page: Page = yield from self.requests.json("GET", ALL, params=params)
        return page

    @Method
    def wait(self, generation_id: str, *, timeout: float = 2400.0) -> Flow[Generation]:
        """Wait until a generation is `completed` or `failed` and return it.

        `timeout` is in seconds; its default, 40 minutes, is longer than any generation takes. Raises
        UnfinishedError after it.
        """
        path, clock = f"{ALL}/{generation_id}", self.requests.clock
        deadline = clock() + timeout
        while (generation := (yield from self.requests.json("GET", path)))["status"] not in ("completed", "failed"):
            left = deadline - clock()
            if left <= 0:
                raise UnfinishedError(f"{generation_id} is {generation['state']} after {timeout:g} s")
            params = {"after": generation["version"], "wait": max(1, min(_LONG_POLL_S, int(left)))}
            yield from self.requests.json("GET", f"{path}/events", params=params)
        finished: Generation = generation
        return finished

    @Method
    def cancel(self, generation_id: str) -> Flow[Generation]:
        """Cancel a generation and return its current state; a finished one stays unchanged."""
        generation: Generation = yield from self.requests.json("POST", f"{ALL}/{generation_id}/cancel")
        return generation

    @Method
    def publish(self, generation_id: str, *, is_public: bool = True) -> Flow[Generation]:
        """Make a finished generation public, or private again."""
        sent = {"is_public": is_public}
        generation: Generation = yield from self.requests.json("PATCH", f"{ALL}/{generation_id}/public", json=sent)
        return generation

    @Method
    def delete(self, generation_id: str) -> Flow[None]:
        """Delete a generation with its texts and pictures; repeatable."""
        try:
            yield from self.requests.send(Call("DELETE", f"{ALL}/{generation_id}"))
        except NotFoundError as error:
            if error.status != 410:
                raise

    @Method
    def picture(self, generation_id: str, number: int = 0) -> Flow[Picture]:
        """Download a picture of a finished generation, numbered from 0, and check its SHA-256."""
        return (yield from _picture(self.requests, generation_id, number))

    @Method
    def download(self, generation_id: str, target: Path, *, number: int = 0) -> Flow[Path]:
        """Download a picture to a file, atomically; return `target`."""
        picture = yield from _picture(self.requests, generation_id, number)
        part = target.with_name(f".{target.name}.{uuid4().hex}")
        part.write_bytes(picture.content)
        return part.replace(target)

    @Method
    def receipt(self, generation_id: str, number: int = 0, *, personal_data: bool = True) -> Flow[dict[str, Any]]:
        """Read the signed receipt of a picture, numbered from 0, with your instructions unless they are declined.

        Raises ApiError `receipt_pending`, with `retry_after` in seconds, until it can be made.
        """
        params = {"number": number, "personal_data": personal_data}
        receipt: dict[str, Any] = yield from self.requests.json("GET", f"{ALL}/{generation_id}/receipt", params=params)
        return receipt

    @Method
    def usage(self, /, **filters: Any) -> Flow[dict[str, Any]]:
        """Read what was generated, with limits: `usage(by="day", since="2026-11-01")`, as the API names them."""
        usage: dict[str, Any] = yield from self.requests.json("GET", "/api/v1/usage", params=filters)
        return usage

    @Method
    def webhook_secret(self) -> Flow[str]:
        """Read the secret that signs the webhooks of this project's submissions."""
        call = Call("GET", "/api/v1/webhooks/default/secret", self.requests.credentials.submission_headers)
        return str((yield from self.requests.send(call)).json()["key"])


def _submitted(
    requests: Requests, path: str, key: str | None, headers: Mapping[str, str], sent: Mapping[str, Any]
) -> Flow[Accepted]:
    key = key or str(uuid4())
    own = requests.credentials.submission_headers
    call = Call("POST", f"{GENERATION}/{path}", {**own, **headers, "Idempotency-Key": key}, sent)
    response: httpx.Response = yield from requests.send(call)
    body = response.json()
    replayed = "Idempotency-Replayed" in response.headers
    return Accepted(body["id"], key, replayed, body["urls"], body["queued"], body["warnings"])


def _picture(requests: Requests, generation_id: str, number: int) -> Flow[Picture]:
    result = (yield from requests.json("GET", f"{ALL}/{generation_id}"))["result"]
    images = result["images"] if result else []
    if number >= len(images):
        raise ValueError(f"{generation_id} has {len(images)} pictures")
    response: httpx.Response = yield from requests.send(Call("GET", f"{ALL}/{generation_id}/images/{number}"))
    sha256 = hashlib.sha256(response.content).hexdigest()
    if sha256 != images[number]["sha256"]:
        raise DamagedPictureError(f"picture {number} of {generation_id} arrived with SHA-256 {sha256}")
    return Picture(response.content, response.headers["Content-Type"], sha256)
