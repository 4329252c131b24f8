"""The sealed log: one position for each commit, read by feeds and catch-up subscriptions."""
