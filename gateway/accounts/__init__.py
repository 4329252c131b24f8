"""Routes of accounts: registration, login, projects, users and keys."""
