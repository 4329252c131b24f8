import base64
import random
import uuid
from typing import Final

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32 in lower case, as in the ids that Replicate gives today."""


def prediction_id(rng: random.Random) -> str:
    """Return 26 characters, 130 random bits."""
    return "".join(rng.choices(_ALPHABET, k=26))


def message_id(rng: random.Random) -> str:
    """Return the id of one webhook message; it stays the same when the message is sent again."""
    return "msg_" + "".join(rng.choices(_ALPHABET, k=24))


def file_id(rng: random.Random) -> str:
    """Return a file's id, base64 over the text of a UUID as Replicate's are."""
    made = uuid.UUID(int=rng.getrandbits(128), version=4)
    return base64.urlsafe_b64encode(str(made).encode()).decode().rstrip("=")
