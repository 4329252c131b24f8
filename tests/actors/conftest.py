import pytest

from sandbox.settings import SandboxSettings
from tests.sandbox.conftest import TOKEN, Sandbox, sandbox, tls

__all__ = ["Sandbox", "sandbox", "tls"]


@pytest.fixture
def settings() -> SandboxSettings:
    """A provider that does not finish by itself."""
    return SandboxSettings(token=TOKEN, boot_seconds=0.01, predict_seconds=600)
