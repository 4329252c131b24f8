"""A public generation as the others in its project see it: the picture and what it was made of, no more."""

from typing import Any

from domain.generation.generation import Generation
from events.envelope import format_time
from gateway.generations.links import Links
from store.generations.personal_data import PersonalData


def public_of(
    generation: Generation, personal_data: PersonalData | None, *, links: Links, base: str
) -> dict[str, Any]:
    """Write what publishing reveals.

    Every link lasts as long as the generation is public, none is signed; the example pictures, which stay
    private, are an empty list.
    """
    images = [
        {
            "url": links.public_picture(base, generation.id, number),
            "width": picture.width,
            "height": picture.height,
            "content_type": picture.content_type,
        }
        for number, picture in enumerate(generation.pictures)
    ]
    url = images[0]["url"] if images else None
    return {
        "id": generation.id,
        "status": generation.status,
        "instructions": personal_data.instructions if personal_data else "",
        "generated_image_url": url,
        "result_image_url": url,
        "result": {"images": images} if images else None,
        "example_images": [],
        "is_public": generation.is_public,
        "created_at": format_time(generation.created_at),
        "updated_at": format_time(generation.updated_at),
        "completed_at": format_time(generation.finished_at) if generation.finished_at else None,
    }
