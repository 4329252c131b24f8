from collections.abc import Iterator
from pathlib import Path

import pytest

from exemplar.local.ports import Ports
from tests.conftest import CloseAfter
from tests.systems.account import Account, access_key_of, open_account
from tests.systems.databases import Databases
from tests.systems.system import System, opened_system


@pytest.fixture(scope="session")
def metrics_port(tmp_path_factory: pytest.TempPathFactory) -> int:
    """The port of the metrics of `solo`."""
    return Ports(tmp_path_factory.mktemp("metrics") / "ports.json").of("metrics")


@pytest.fixture(scope="session")
def solo(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory, close_after: CloseAfter, metrics_port: int
) -> Iterator[System]:
    environ = {"EXEMPLAR_METRICS_PORT": str(metrics_port)}
    with opened_system(tmp_path_factory.mktemp("recipes"), databases, environ=environ) as system:
        close_after(Path(__file__).parent, system.close)
        system.start()
        yield system


@pytest.fixture
def account(solo: System) -> Account:
    return open_account(solo)


@pytest.fixture
def access_key(solo: System, account: Account) -> str:
    return access_key_of(solo, account)
