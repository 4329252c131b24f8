from tests.accounts.conftest import accounts_database, house

__all__ = ["accounts_database", "house"]
