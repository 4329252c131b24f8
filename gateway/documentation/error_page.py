"""The page about errors: each code with its status, its sentence, when it comes and what to do."""

import html
import re
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from domain.errors import ErrorCode
from domain.paths import CONSOLE, DOCS
from gateway.documentation.error_guide import error_guide
from gateway.http.error_mapping import HTTP_ERRORS, phrase_of

_CODE: Final = re.compile(r"`([^`]+)`")
_LINK: Final = re.compile(r"\[([^\]]+)\]\([^)]+\)")
_PAGE: Final = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Errors of the API - Exemplar</title>
<link rel="icon" href="{console}/icon.svg">
<link rel="stylesheet" href="{console}/vendor/pico.min.css">
<link rel="stylesheet" href="{docs}/page.css">
</head>
<body>
<header class="container"><nav aria-label="Documentation"><ul><li><strong>Exemplar</strong></li></ul><ul>
<li><a href="{docs}">API</a></li><li><a href="{console}/">Console</a></li></ul></nav></header>
<main class="container">
<h1>Errors of the API</h1>
<p>Every error has a <code>code</code> of this list. Programs test the code; sentences may change. The
<code>request_id</code> of an error is what an operator asks for.</p>
<nav aria-label="Codes by status">
<dl>
{contents}</dl>
</nav>
{sections}
</main>
</body>
</html>
"""
_SECTION: Final = """\
<section id="{code}">
<h2><a href="#{code}"><code>{code}</code></a></h2>
<dl><dt>Status</dt><dd>{status}</dd><dt>Sentence</dt><dd>{sentence}</dd><dt>When</dt><dd>{when}</dd>
<dt>What to do</dt><dd>{remedy}</dd></dl>
</section>
"""


def error_page() -> str:
    """Write the page as HTML without scripts, in the order of statuses; a code is the id of its section."""
    codes = sorted(ErrorCode, key=lambda code: (_status_of(code), code.value))
    contents = "".join(_status(status, list(some)) for status, some in groupby(codes, _status_of))
    return _PAGE.format(console=CONSOLE, docs=DOCS, contents=contents, sections="".join(map(_section, codes)))


def _status_of(code: ErrorCode) -> int:
    return HTTP_ERRORS[code].status


def _status(status: int, codes: Sequence[ErrorCode]) -> str:
    links = " ".join(f'<a href="#{code.value}"><code>{code.value}</code></a>' for code in codes)
    return f"<dt>{status} {phrase_of(status)}</dt><dd>{links}</dd>\n"


def _section(code: ErrorCode) -> str:
    known, guide = HTTP_ERRORS[code], error_guide()[code]
    return _SECTION.format(
        code=code.value,
        status=known.status,
        sentence=html.escape(known.detail),
        when=_sentence(guide.when),
        remedy=_sentence(guide.remedy),
    )


def _sentence(markdown: str) -> str:
    """Write a part of a sentence as HTML; links, which lead to files of the repository, are left out."""
    text = _CODE.sub(r"<code>\1</code>", html.escape(_LINK.sub(r"\1", markdown), quote=False))
    return f"{text[:1].upper()}{text[1:]}."
