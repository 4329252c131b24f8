from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import WhenLeft
from tests.docs.recipes.installation import Account, open_account, running
from tests.journeys.system import System


@pytest.fixture(scope="session")
def solo(mongod: str, tmp_path_factory: pytest.TempPathFactory, when_left: WhenLeft) -> Iterator[System]:
    yield from running(tmp_path_factory.mktemp("recipes"), mongod, when_left, Path(__file__).parent)


@pytest.fixture
def account(solo: System) -> Account:
    return open_account(solo)
