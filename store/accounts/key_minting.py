import secrets

from domain.accounts.keys import API_KEY_PREFIX, DEVELOPER_KEY_PREFIX, Peppers, Randomness, display_prefix, mint
from store.accounts.writes import NewKey, random_id


def mint_key(
    peppers: Peppers,
    project_id: str | None,
    name: str | None,
    *,
    key_id: str | None = None,
    randomness: Randomness = secrets.token_bytes,
) -> tuple[NewKey, str]:
    """Mint an API key of a project or, with None, a developer key; return what is stored of it and the key."""
    key = mint(DEVELOPER_KEY_PREFIX if project_id is None else API_KEY_PREFIX, randomness)
    return NewKey(peppers.hash(key), display_prefix(key), name, key_id or random_id()), key
