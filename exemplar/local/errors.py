class LocalError(Exception):
    """Say in one line what keeps this machine from running the system, and what to do about it."""
