"""What runs and what is wrong: `exemplar status` and `exemplar doctor`."""
