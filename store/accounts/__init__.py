"""Accounts: developers, their projects, keys and end users, staff, and login sessions, on MongoDB."""
