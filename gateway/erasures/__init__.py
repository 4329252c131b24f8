"""Erasing generations, users and projects on request, with a reason."""
