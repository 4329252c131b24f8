from tests.actors.webhooks.conftest import receiver, system

__all__ = ["receiver", "system"]
