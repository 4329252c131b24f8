from collections.abc import Iterator
from pathlib import Path

import pytest

from exemplar_client import Client, Login
from tests.conftest import CloseAfter
from tests.systems.account import Account, open_account
from tests.systems.databases import Databases
from tests.systems.system import System, opened_system


@pytest.fixture(scope="session")
def solo(databases: Databases, tmp_path_factory: pytest.TempPathFactory, close_after: CloseAfter) -> Iterator[System]:
    with opened_system(tmp_path_factory.mktemp("client"), databases) as system:
        close_after(Path(__file__).parent, system.close)
        system.start()
        yield system


@pytest.fixture
def account(solo: System) -> Account:
    return open_account(solo)


@pytest.fixture
def access_key(solo: System, account: Account) -> str:
    """The one secret of an end user, as their developer makes it."""
    with Client(solo.base_url, Login(account.developer_email, account.password)) as developer:
        [user] = developer.api.list_users(account.project_id)["users"]
        return str(developer.api.create_access_key(account.project_id, user["id"])["key"])
