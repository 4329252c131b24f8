"""Quota: the ledger of slots and units, admission, usage, and the requests of the day."""
