"""The port to the image model, and Replicate behind it."""
