"""One dramatiq actor a file."""
