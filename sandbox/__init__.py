"""An offline stand-in for Replicate's HTTP API, with fault injection and a count of creations."""
