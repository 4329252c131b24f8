"""Receipts of pictures over HTTP, as JSON and embedded in the picture."""
