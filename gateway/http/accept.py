"""The Accept header (RFC 9110, section 12.5.1)."""


def media_weights(accept: str) -> dict[str, float]:
    """Read the media types of an Accept header, in lower case, with their weights; 0 for a malformed one."""
    return dict(map(_weighted, accept.lower().split(",")))


def _weighted(choice: str) -> tuple[str, float]:
    media_type, *parameters = (part.strip() for part in choice.split(";"))
    quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
    try:
        return media_type, float(quality)
    except ValueError:
        return media_type, 0.0
