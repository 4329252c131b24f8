"""Sign the log of a running system, without waiting for the minute of its scheduler."""

from domain.audit.checkpoint_key import SigningKey
from store.audit.checkpointing import Checkpointer
from tests.systems.system import System
from tests.systems.tenants import now
from tests.systems.waiting import until


def key_of(system: System) -> SigningKey:
    return SigningKey.from_base64("exemplar", system.secrets.checkpoint_key)


async def sign_log(system: System) -> None:
    """Make a checkpoint as soon as all of the log is sealed."""
    key = key_of(system)
    async with system.open_store() as store:

        async def sealed() -> bool:
            return not await store.sealed_log.unsealed(now(), limit=1)

        await until(sealed, "all is sealed")
        await Checkpointer(store.checkpoints, signer=key, trusted=[key.public], clock=now).make()
