"""The port of the model provider, and its adapter for Replicate."""
