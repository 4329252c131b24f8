from pathlib import Path

import pytest

from tests.architecture.files import forget
from tests.conftest import CloseAfter


@pytest.fixture(scope="session", autouse=True)
def forget_after_the_folder(close_after: CloseAfter) -> None:
    """Free the parsed modules, which the garbage collector would visit during all later tests."""
    close_after(Path(__file__).parent, forget)
