from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from exemplar_client import Client, Keys, Retries
from tests.clients.python.passage import Passage
from tests.conftest import CloseAfter
from tests.systems.account import Account, open_account
from tests.systems.system import System, opened_system

Making = Callable[..., Client]


@pytest.fixture(scope="session")
def solo(mongod: str, tmp_path_factory: pytest.TempPathFactory, close_after: CloseAfter) -> Iterator[System]:
    with opened_system(tmp_path_factory.mktemp("client"), mongod) as system:
        close_after(Path(__file__).parent, system.close)
        system.start()
        yield system


@pytest.fixture
def account(solo: System) -> Account:
    return open_account(solo)


@pytest.fixture
def passage(solo: System) -> Iterator[Passage]:
    """A way to the gateway on which accidents can be made to happen."""
    with Passage(solo.base_url) as passage:
        yield passage


@pytest.fixture
def pauses() -> list[float]:
    """What a client wanted to sleep."""
    return []


@pytest.fixture
def making(passage: Passage, account: Account, pauses: list[float]) -> Iterator[Making]:
    """Make clients that go through the passage and note their pauses instead of sleeping."""
    with ExitStack() as opened:

        def make(
            *, password: str = account.password, project_id: str = account.project_id, attempts: int = 6
        ) -> Client:
            keys = Keys(project_id, account.developer_key, account.api_key)
            client = Client(
                passage.url,
                keys,
                email=account.email,
                password=password,
                retries=Retries(attempts=attempts),
                sleep=pauses.append,
            )
            return opened.enter_context(client)

        yield make


@pytest.fixture
def client(making: Making) -> Client:
    return making()
