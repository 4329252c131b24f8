from typing import NamedTuple


class StreamRange(NamedTuple):
    """The streams whose names begin with `first` and end before `behind`, in the order of their UTF-8 bytes.

    behind: None for the last range.
    """

    first: str = ""
    behind: str | None = None

    def __contains__(self, stream: object) -> bool:
        return isinstance(stream, str) and self.first <= stream and (self.behind is None or stream < self.behind)


WHOLE = StreamRange()
