import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.systems.databases import Databases
from tests.systems.derived_store import DerivedStore, Written, open_derived_store, write_derived_store


@dataclass(frozen=True, slots=True)
class DerivedDatabase:
    """A database with every read model, and what lets it hold again what it held at first."""

    url: str
    written: Written
    restore: Callable[[], None]


@pytest.fixture(scope="module")
def derived_database(databases: Databases) -> Iterator[DerivedDatabase]:
    """Write one store for all tests of a module."""
    with databases.lent() as url:
        written = asyncio.run(write_derived_store(url))
        yield DerivedDatabase(url, written, databases.restorer(url))


@pytest.fixture
async def derived(derived_database: DerivedDatabase) -> AsyncIterator[DerivedStore]:
    """Open that store as it was written."""
    async with open_derived_store(derived_database.url, derived_database.written) as derived:
        yield derived
    derived_database.restore()


@pytest.fixture
def derived_url(derived_database: DerivedDatabase) -> str:
    """Return the URL of the database behind `derived`."""
    return derived_database.url
