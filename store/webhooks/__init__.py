"""Webhook endpoints, signing secrets and deliveries: contract of deliveries, MongoDB and in-memory adapters."""
