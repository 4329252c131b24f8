"""Backups: a folder with copies of all collections and the changes since, from which any moment is restored."""
