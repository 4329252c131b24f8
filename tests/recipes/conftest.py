from collections.abc import Iterator

import pytest

from tests.journeys.system import System
from tests.recipes.installation import Account, open_account, running


@pytest.fixture(scope="session")
def solo(mongod: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    yield from running(tmp_path_factory.mktemp("recipes"), mongod)


@pytest.fixture
def account(solo: System) -> Account:
    return open_account(solo)
