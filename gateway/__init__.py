"""The HTTP gateway: routes, their services, and the aiohttp application that serves them."""
