"""Webhook endpoints, signing secrets and the schedule of deliveries."""
