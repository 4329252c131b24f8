"""The actors that react to events, the jobs that run on a schedule, and what both work with."""
