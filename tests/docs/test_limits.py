from datetime import UTC, datetime

from domain.accounts.limits import LimitStatus, headers
from domain.accounts.tiers import TIERS
from tests.docs import tables
from tests.docs.reading import blocks, table


def test_the_documented_tiers_are_those_of_the_product() -> None:
    assert table("docs/limits.md", "## Tiers") == tables.tiers()


def test_the_documented_fields_are_those_of_an_answer() -> None:
    sent = headers(
        TIERS["free_starter"],
        LimitStatus(monthly=42, concurrent=1, requests_left=988),
        datetime(2026, 11, 22, tzinfo=UTC),
    )
    [block] = blocks("docs/limits.md", "http")
    assert block.splitlines() == [f"{name}: {value}" for name, value in sent.items()]
