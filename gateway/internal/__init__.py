"""HTTP for those who run the service, on a port of its own in every process."""
