from tests.gateway.conftest import gateway

__all__ = ["gateway"]
