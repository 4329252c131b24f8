"""Sign the log of a running system, without waiting for the minute of its scheduler."""

from collections.abc import Sequence

from domain.audit.checkpoint_key import SigningKey, VerificationKey
from store.audit.checkpointing import Checkpointer
from tests.systems.system import System
from tests.systems.tenants import now
from tests.systems.waiting import until


def key_of(system: System) -> SigningKey:
    return SigningKey.from_base64("exemplar", system.secrets.checkpoint_key)


async def sign_log(
    system: System, key: SigningKey | None = None, trusted: Sequence[VerificationKey] | None = None
) -> None:
    """Make a checkpoint as soon as all of the log is sealed, with the system's own key unless others are given."""
    key = key or key_of(system)
    async with system.open_store() as store:

        async def sealed() -> bool:
            return not await store.sealed_log.unsealed(now(), limit=1)

        await until(sealed, "all is sealed")
        await Checkpointer(store.checkpoints, signer=key, trusted=trusted or [key.public], clock=now).make()
