"""What is fuzzed, one target a file."""
