from store.log.feeds import Feeds


async def chosen_generations(
    feeds: Feeds, project: str, *, generation_id: str | None, request_id: str | None
) -> list[str] | None:
    """Name the generations that a filter chooses by id and by request, which the log knows; None: any."""
    if request_id is None:
        return None if generation_id is None else [generation_id]
    named = await feeds.generations_of(project, request_id)
    return [one for one in named if generation_id in (None, one)]
