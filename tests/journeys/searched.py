"""Everything that a system shows of marked users over HTTP, and everything that it keeps."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.journeys.marked import MarkedGeneration, MarkedUser
from tests.systems.needles import Needles
from tests.systems.remains import Found, in_files, in_mongodb, in_rabbitmq
from tests.systems.servers import Servers
from tests.systems.tenants import ONE, Answer, fetch


@dataclass(frozen=True)
class Request:
    """One GET, at each of the gateways."""

    path: str
    headers: Mapping[str, str]


def requests_of(user: MarkedUser) -> Iterator[Request]:
    """List the requests that show something of a user, of their generations, or of their project."""
    tenant, developer = user.tenant, user.as_developer
    own = {"Authorization": tenant.headers["Authorization"]}
    project = f"/api/v1/projects/{tenant.project}"
    for path in (ONE, "/api/v1/auth/me", f"{ONE}/events", "/api/v1/audit/accesses"):
        yield Request(path, own)
    below = ("", "/users", "/generations", "/webhooks", f"/webhooks/{user.endpoint}/deliveries", "/events", "/api-keys")
    for path in ("/api/v1/projects", "/api/v1/projects/users", *(project + one for one in below)):
        yield Request(path, developer)
    for accept in ("application/json", "application/x-ndjson"):
        query = f"personal_data=true&project_id={tenant.project}"
        yield Request(f"/api/v1/audit/events?{query}", {**developer, "Accept": accept})
    yield Request(f"/api/v1/audit/endpoints/{user.endpoint}?as_of=1", developer)
    for made in user.generations:
        yield from _requests_of_generation(made, own, developer, project)


def _requests_of_generation(
    made: MarkedGeneration, own: Mapping[str, str], developer: Mapping[str, str], project: str
) -> Iterator[Request]:
    pictures = ("/image", "/images/0", "/images/0?receipt=embedded", "/examples/0")
    for path in ("", "/status", "/events", "/explain", "/receipt", *pictures):
        yield Request(f"{ONE}/{made.id}{path}", own)
    yield Request(f"{project}/generations/{made.id}", developer)
    yield Request(f"/api/v1/audit/events?generation_id={made.id}&personal_data=true", developer)
    yield Request(f"/api/v1/audit/generations/{made.id}/receipt?personal_data=true", developer)
    for version in (1, 4, 8, 11):
        yield Request(f"/api/v1/audit/generations/{made.id}?as_of={version}", developer)
    yield Request(f"/api/v1/audit/generations/{made.id}/diff?since=1", developer)
    for link in made.links:
        yield Request("/" + link.split("/", 3)[3], {})


async def over_http(
    session: aiohttp.ClientSession, gateways: Sequence[str], users: Sequence[MarkedUser], needles: Needles, times: int
) -> Found:
    """Name what the answers of all gateways hold, by path.

    The first is asked several times: caches answer all but the first. Those of the others are full from before.
    """
    found: Found = {}
    asked = itertools.chain.from_iterable(map(requests_of, users))
    bases = [*gateways, *[gateways[0]] * (times - 1)]
    for request, base in itertools.product(asked, bases):
        answer = await fetch(session, base, request.path, request.headers)
        if names := needles.found(answer.data):
            found.setdefault(request.path.partition("?")[0], set()).update(names)
    return found


async def pictures_of(
    session: aiohttp.ClientSession, base: str, made: MarkedGeneration, headers: Mapping[str, str] | None = None
) -> list[Answer]:
    """Ask for all pictures by their signed links."""
    return [await fetch(session, base, "/" + link.split("/", 3)[3], headers) for link in made.links]


def kept(servers: Servers, home: Path, needles: Needles) -> Found:
    """Name what a dump of MongoDB, the queues of RabbitMQ and all files but those of MongoDB hold."""
    files = in_files(home, needles, without=servers.mongod.data)
    return {
        **in_mongodb(servers.mongod.url, needles),
        **{f"queue {name}": names for name, names in in_rabbitmq(servers.rabbit, needles).items()},
        **files,
    }
