"""The tamper evidence of the log: Merkle tree, signed checkpoints and their keys."""
