"""Moderation of input: a list of words and an HTTP classifier refuse prompts before anything is held."""
