"""Erasing generations, users and projects on request."""
