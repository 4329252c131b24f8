from tests.store.audit.conftest import audit_log

__all__ = ["audit_log"]
