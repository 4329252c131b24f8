"""`exemplar watch`: follow a generation that exists."""

from exemplar.client_commands.connection import find_connection, open_client
from exemplar.client_commands.generate import finish
from exemplar.client_commands.options import LONGEST, GenerationId, Home, Output, ProfileName, Timeout
from exemplar.client_commands.saving import require_folder
from exemplar.commands.options import AsJson


def watch(
    generation_id: GenerationId,
    *,
    output: Output = None,
    timeout: Timeout = LONGEST,
    home: Home = None,
    profile: ProfileName = None,
    as_json: AsJson = False,
) -> None:
    """Show how far a generation is until it ends; --output saves its picture."""
    if output is not None:
        require_folder(output)
    with open_client(find_connection(home, profile)) as client:
        finish(client, generation_id, output, timeout=timeout, as_json=as_json)
