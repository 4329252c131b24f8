"""The core of a tool that creates content: progress while a picture is made, and a link to show in the end.

BASE=http://127.0.0.1:8000 ACCESS_KEY=ek_... python content.py PROMPT STYLE MOOD PICTURE...
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from exemplar_client import AccessKey, ApiError, Client, Generation


@dataclass(frozen=True)
class GenerationRequest:
    """What a user of the tool asks for; `style` and `mood` may be left out."""

    images: Sequence[Path]
    prompt: str
    style: str | None = None
    mood: str | None = None

    @property
    def instructions(self) -> dict[str, str]:
        """Only what was given."""
        given = {"prompt": self.prompt, "style": self.style, "mood": self.mood}
        return {name: value for name, value in given.items() if value}


def create_content(client: Client, request: GenerationRequest) -> Generation:
    """Submit, show every event as it happens, return the finished generation."""
    accepted = client.submit(request.images, request.instructions)
    for event in client.events(accepted.id):
        percent = event.data["data"].get("percent")
        print(event.type, "" if percent is None else f"{percent} %")
    return client.get(accepted.id)


def main() -> None:
    """Create a picture, or say why it cannot be made."""
    if len(sys.argv) <= 4 or not {"BASE", "ACCESS_KEY"} <= os.environ.keys():
        sys.exit(__doc__)
    prompt, style, mood, *names = sys.argv[1:]
    request = GenerationRequest([Path(name) for name in names], prompt, style, mood)
    with Client(os.environ["BASE"], AccessKey(os.environ["ACCESS_KEY"])) as client:
        try:
            generation = create_content(client, request)
        except ApiError as error:
            sys.exit(f"{error.code}: {error.detail}")
    print(generation["result_image_url"] or generation["error"])


if __name__ == "__main__":
    main()
