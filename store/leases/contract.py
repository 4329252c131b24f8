from typing import Protocol


class Leases(Protocol):
    """One holder per job at a time; each instance is one holder."""

    async def take(self, job: str, *, seconds: float) -> bool:
        """Take or renew the lease of a job; False while another holder has it."""

    async def free(self) -> None:
        """Release all leases of this holder, so that a successor need not wait."""
