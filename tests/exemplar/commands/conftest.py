import json

import pytest

from tests.exemplar.commands.audit_command import run
from tests.exemplar.commands.shell import PEPPER, Shell
from tests.store.audit.conftest import audit_log
from tests.store.quota.conftest import limits_url
from tests.store.replay.conftest import derived, derived_database, derived_url

__all__ = ["audit_log", "derived", "derived_database", "derived_url", "limits_url", "run"]


@pytest.fixture
def shell(mongodb_url: str) -> Shell:
    return Shell(
        {
            "EXEMPLAR_MONGODB_URL": mongodb_url,
            "EXEMPLAR_KEY_PEPPERS": json.dumps({"1": PEPPER}),
        }
    )
