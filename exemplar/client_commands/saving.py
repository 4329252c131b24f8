"""Saving the pictures of a generation."""

from collections.abc import Sequence
from pathlib import Path

from exemplar.environment import ConfigurationError
from exemplar_client import Client, Generation


def targets_of(generation: Generation, output: Path) -> Sequence[Path]:
    """Name the file of each picture: in a folder after the id; several pictures are numbered from 1."""
    images = generation["result"]["images"] if generation["result"] else []
    endings = [image["content_type"].removeprefix("image/").replace("jpeg", "jpg") for image in images]
    if output.is_dir():
        output = output / generation["id"]
        stem, own = output, ""
    else:
        stem, own = output.with_suffix(""), output.suffix
    numbers = [""] if len(images) == 1 else [f"-{number}" for number in range(1, len(images) + 1)]
    return [
        stem.with_name(f"{stem.name}{number}{own or f'.{ending}'}")
        for number, ending in zip(numbers, endings, strict=True)
    ]


def save(client: Client, generation: Generation, output: Path) -> Sequence[Path]:
    """Save all pictures, each compared with its hash; ConfigurationError where they cannot be written."""
    require_folder(output)
    targets = targets_of(generation, output)
    try:
        return [client.download(generation["id"], target, number=number) for number, target in enumerate(targets)]
    except OSError as error:
        raise ConfigurationError(f"{output} cannot be written: {error.strerror}") from None


def require_folder(output: Path) -> None:
    """Refuse an output in a folder that does not exist, before anything is paid for."""
    if not output.parent.is_dir():
        raise ConfigurationError(f"{output.parent} does not exist: mkdir -p {output.parent}")
