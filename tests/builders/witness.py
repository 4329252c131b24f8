"""A witness, written from its specification (c2sp.org/tlog-cosignature) without the product's code."""

import base64
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class Witness:
    """Cosign checkpoints with an Ed25519 key."""

    def __init__(self, name: str, seed: bytes) -> None:
        self.name = name
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self._typed = b"\x04" + self._private.public_key().public_bytes_raw()
        self._key_id = sha256(f"{name}\n".encode() + self._typed).digest()[:4]

    @property
    def key(self) -> str:
        return f"{self.name}+{self._key_id.hex()}+{base64.b64encode(self._typed).decode()}"

    def line(self, note: str, time: int = 1_800_000_000) -> str:
        """Sign the text of a note."""
        text = note[: note.index("\n\n") + 1]
        signature = self._private.sign(f"cosignature/v1\ntime {time}\n{text}".encode())
        blob = base64.b64encode(self._key_id + time.to_bytes(8, "big") + signature).decode()
        return f"\u2014 {self.name} {blob}\n"

    def cosigned(self, note: str, time: int = 1_800_000_000) -> str:
        return note + self.line(note, time)


WITNESS = Witness("witness.example", bytes(range(1, 33)))
"""The witness that gateways of these tests are configured with."""
