"""The names of the commits that streams begin with."""


def first_commit(stream: str) -> str:
    """Name the commit that a stream begins with."""
    return f"{stream}:1"


def is_first(commit: str) -> bool:
    """Tell whether a stream begins with this commit."""
    return commit.endswith(":1")


def stream_of_first(commit: str) -> str:
    """Name the stream that begins with a commit."""
    return commit.removesuffix(":1")
