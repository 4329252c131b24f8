"""Receipts of pictures: what they say, how they are signed, embedded and checked."""
