"""Read, list, explain and change generations."""
