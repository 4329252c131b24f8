"""Documentation that the service itself serves: the API pages, the errors, the events, the guide for models."""
