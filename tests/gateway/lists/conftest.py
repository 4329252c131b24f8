from tests.gateway.accounts.conftest import accounts_database, gateway

__all__ = ["accounts_database", "gateway"]
