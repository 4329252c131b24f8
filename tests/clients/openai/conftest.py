from collections.abc import Iterator

import pytest
from openai import OpenAI

from tests.systems.system import System


@pytest.fixture
def openai(solo: System, access_key: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{solo.base_url}/v1", api_key=access_key, max_retries=2) as client:
        yield client
