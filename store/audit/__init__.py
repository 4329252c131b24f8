"""Audit: checkpoints, proofs and verification of the sealed log."""
