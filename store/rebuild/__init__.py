"""Rebuilding the rows of generations beside the ones in use."""
