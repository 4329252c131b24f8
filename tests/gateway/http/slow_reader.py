"""Clients that ask for much and read little."""

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.builders.pictures import photo
from tests.systems.tenants import Tenant

MIB = 1024 * 1024


async def large_example(tenant: Tenant) -> str:
    """Submit a picture of 10 MiB; return its signed link."""
    picture = photo("rocket.jpg")
    whole = picture + random.Random(1).randbytes(10 * MIB - len(picture))
    generation = await tenant.accepted(whole)
    return str((await tenant.resource(generation))["example_images"][0])


@contextmanager
def reader(link: str) -> Iterator[socket.socket]:
    """Ask for a link on a connection whose kernel keeps little, and read nothing yet."""
    url = urlsplit(link)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        connection.connect((url.hostname, url.port))
        connection.sendall(f"GET {url.path}?{url.query} HTTP/1.1\r\nHost: gateway\r\n\r\n".encode())
        connection.setblocking(False)
        yield connection
