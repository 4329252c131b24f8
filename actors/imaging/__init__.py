"""Decodes pictures in limited child processes and composes the input image."""
