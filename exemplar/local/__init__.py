"""One machine without Docker: real servers and our own processes, started, watched and ended together."""
