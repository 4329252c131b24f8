"""Exports of the log as files that a stranger verifies and views without the product."""
