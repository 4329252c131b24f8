from tests.gateway.conftest import accounts_database, gateway

__all__ = ["accounts_database", "gateway"]
