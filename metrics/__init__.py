"""The port of measurements: what can be measured, without a library that exports it."""
