"""Jobs that act on many generations."""
