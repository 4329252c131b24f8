"""Real servers and our processes on one machine."""
