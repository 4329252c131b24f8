"""Work that failed: commits that subscribers parked, and calls of actors that raised."""
