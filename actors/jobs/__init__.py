"""The recurring jobs of the scheduler, and the catch-up subscribers of the sealed log."""
