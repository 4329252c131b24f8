from tests.gateway.accounts.conftest import accounts_database, house

__all__ = ["accounts_database", "house"]
