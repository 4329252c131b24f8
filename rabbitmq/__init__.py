"""Publishing, consuming and in-process delivery of recorded events."""
