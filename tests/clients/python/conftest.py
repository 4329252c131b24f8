from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from exemplar_client import Client, Keys, Retries
from tests.clients.python.faulty_proxy import FaultyProxy
from tests.systems.account import Account
from tests.systems.system import System

MakeClient = Callable[..., Client]


@pytest.fixture
def proxy(solo: System) -> Iterator[FaultyProxy]:
    """A proxy to the gateway that can inject faults."""
    with FaultyProxy(solo.base_url) as proxy:
        yield proxy


@pytest.fixture
def pauses() -> list[float]:
    """The pauses of the clients, in seconds."""
    return []


@pytest.fixture
def make_client(proxy: FaultyProxy, account: Account, pauses: list[float]) -> Iterator[MakeClient]:
    """Make clients that use the proxy and record their pauses instead of sleeping."""
    with ExitStack() as opened:

        def make(
            *, password: str = account.password, project_id: str = account.project_id, attempts: int = 6
        ) -> Client:
            keys = Keys(project_id, account.developer_key, account.api_key)
            client = Client(
                proxy.url,
                keys,
                email=account.email,
                password=password,
                retries=Retries(attempts=attempts),
                sleep=pauses.append,
            )
            return opened.enter_context(client)

        yield make


@pytest.fixture
def client(make_client: MakeClient) -> Client:
    return make_client()
