"""Leases: one holder of each scheduled job at a time."""
