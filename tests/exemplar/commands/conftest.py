from tests.store.audit.conftest import audit_log
from tests.store.quota.conftest import limits_url

__all__ = ["audit_log", "limits_url"]
