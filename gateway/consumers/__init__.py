"""Consumers of the feeds of projects: events are leased, handled and acknowledged."""
