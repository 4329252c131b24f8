"""The dramatiq actors and the scheduler's jobs."""
