"""Generations: their repository, rows, lists, pictures and personal data."""
