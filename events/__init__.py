"""The event types, their envelope and the catalogue from which every other list of types is derived."""
