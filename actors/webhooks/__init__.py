"""Outgoing webhooks: deliveries are scheduled, claimed, sent by HTTP and recorded."""
