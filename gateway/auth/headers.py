"""The headers that are sent with a token."""

from aiohttp import web

from domain.accounts.headers import MALFORMED, PresentedCredentials
from gateway.http.parsing import as_id

LONGEST_HEADER = 256


def read_headers(request: web.Request) -> PresentedCredentials:
    """Read the four headers that go with a token."""
    return PresentedCredentials(
        role=read_header(request, "X-User-Role"),
        developer_key=read_header(request, "X-Developer-Key"),
        project_id=project_header(request),
        api_key=read_header(request, "X-API-Key"),
    )


def project_header(request: web.Request) -> str | None:
    """Read X-Project-ID, a UUID; `MALFORMED` when it is none."""
    sent = read_header(request, "X-Project-ID")
    return sent if sent is None else as_id(sent) or MALFORMED


def read_header(request: web.Request, name: str) -> str | None:
    """Read a header that may come once; None when missing or empty, `MALFORMED` when doubled or too long."""
    sent = request.headers.getall(name, ())
    if not any(sent):
        return None
    return sent[0] if len(sent) == 1 and len(sent[0]) <= LONGEST_HEADER else MALFORMED
