"""Rules of outgoing webhooks: endpoints, allowed addresses, order, retries and signatures; no I/O."""
