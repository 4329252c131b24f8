"""The pages about the API: what a gateway says about itself."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from domain.errors import ErrorCode
from gateway.console.vendor import sums
from gateway.documentation.error_page import error_page
from gateway.documentation.vendor import SCHEMA, VENDOR
from gateway.http.error_mapping import HTTP_ERRORS
from tests.systems.gateway_harness import GatewayHarness

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Page(HTMLParser):
    """The ids and the addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name in ("href", "src"):
                self.addresses.append(value or "")


@pytest.mark.parametrize("path", ["/docs", "/docs/errors"])
async def test_a_page_asks_this_service_alone_and_runs_nothing_inline(gateway: GatewayHarness, path: str) -> None:
    async with gateway.client.get(path) as answer:
        text, policy = await answer.text(), answer.headers["Content-Security-Policy"]
    assert (answer.status, answer.content_type) == (200, "text/html")
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'")
    for address in Page(text).addresses:
        assert address.startswith(("/", "#"))
        if address.startswith("/"):
            assert (await gateway.client.get(address)).status == 200, address
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bon\w+=|\bstyle=", text)


async def test_the_page_about_errors_has_a_section_for_every_code() -> None:
    ids = Page(error_page()).ids
    assert sorted(ids) == sorted(code.value for code in ErrorCode)
    assert ids == sorted(ids, key=lambda code: (HTTP_ERRORS[ErrorCode(code)].status, code))
    assert "](" not in error_page()


async def test_the_type_of_a_problem_is_the_section_about_its_code(gateway: GatewayHarness) -> None:
    headers = {"Accept": "application/problem+json"}
    _, problem = await gateway.get("/api/v1/auth/me", headers)
    assert problem["type"] == "/docs/errors#authorization_required"
    page, _, section = problem["type"].partition("#")
    async with gateway.client.get(page) as answer:
        assert section in Page(await answer.text()).ids


async def test_a_file_that_does_not_exist_is_not_found(gateway: GatewayHarness) -> None:
    status, body = await gateway.get("/docs/vendor/../routes.py")
    assert (status, body["code"]) == (404, "not_found")
    assert (await gateway.get("/docs/nothing.js"))[0] == 404


async def test_the_guide_for_language_models_leads_to_what_exists(gateway: GatewayHarness) -> None:
    async with gateway.client.get("/llms.txt") as answer:
        guide = await answer.text()
    assert answer.content_type == "text/plain"
    assert guide.startswith("# Exemplar\n\n> ")
    base = str(gateway.client.make_url("")).rstrip("/")
    linked = re.findall(rf"\]\({re.escape(base)}(/[^)]*)\)", guide)
    assert len(linked) >= 8
    for path in linked:
        # What is sent by POST alone is another method's.
        assert (await gateway.client.get(path)).status in ((405,) if path in {"/mcp", "/v1/images/edits"} else (200,))


@pytest.mark.parametrize("folder", [VENDOR, SCHEMA], ids=["swagger-ui", "asyncapi"])
async def test_copied_files_are_those_that_were_listed(folder: Path) -> None:
    assert (folder / "SHA256SUMS").read_text().splitlines() == sums(folder)
