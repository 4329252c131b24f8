import secrets

from domain.accounts.keys import (
    API_KEY_PREFIX,
    DEVELOPER_KEY_PREFIX,
    Peppers,
    Randomness,
    display_prefix,
    mint,
)
from events.envelope import Cause
from store.accounts.changes import AccountChanges
from store.accounts.records import KeyRecord


async def mint_key(
    account_changes: AccountChanges,
    peppers: Peppers,
    developer_id: str,
    project_id: str | None,
    *,
    name: str | None,
    cause: Cause,
    key_id: str | None = None,
    randomness: Randomness = secrets.token_bytes,
) -> tuple[KeyRecord, str]:
    """Mint an API key of a project or, with None, a developer key; store its hash and return both."""
    key = mint(DEVELOPER_KEY_PREFIX if project_id is None else API_KEY_PREFIX, randomness)
    record = await account_changes.create_key(
        developer_id,
        project_id,
        key_hash=peppers.hash(key),
        prefix=display_prefix(key),
        name=name,
        cause=cause,
        key_id=key_id,
    )
    return record, key
