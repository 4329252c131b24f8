"""The application, its commands and the wiring of its processes."""
