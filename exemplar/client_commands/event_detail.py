"""What is worth reading of an event's data, in one line."""

from typing import Any


def detail_of(data: dict[str, Any]) -> str:
    """Write progress and sizes, with two spaces before them; nothing for other events."""
    if "percent" in data:
        return f"  {data['percent']} %"
    if "composition" in data:
        return f"  {data['composition']} {data['width']} x {data['height']}"
    return ""
