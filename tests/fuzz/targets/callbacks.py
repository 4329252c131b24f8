"""Callbacks of the provider: altered signatures and addresses, and signed reports of any content."""

import json
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from hypothesis import settings
from hypothesis import strategies as st

from domain.generation.callback import Callback, callback_url
from domain.webhooks.signature import signed_headers
from sandbox.webhooks import secret_for
from tests.fuzz.answers import ask
from tests.fuzz.mutation import spoilt_json, spoilt_text
from tests.fuzz.service import Service
from tests.fuzz.target import Count, Target, Test, every
from tests.fuzz.targets.cursors import header_text

_METRICS: Final = {"predict_time": 1.5, "total_time": 2.5}
_REPORT: Final = {"id": "p1", "version": "v", "created_at": "2026-11-20T12:00:00Z", "input": {"prompt": "x"}}
_REPORTS: Final = (
    {**_REPORT, "status": "starting", "output": None, "logs": ""},
    {**_REPORT, "status": "processing", "output": None, "logs": "  3%|#   | 1/30 [00:01<00:30]\n"},
    {**_REPORT, "status": "succeeded", "output": ["http://127.0.0.1:9/a.png"], "metrics": _METRICS, "error": None},
    {**_REPORT, "status": "failed", "output": None, "error": "NSFW content detected", "metrics": {}},
    {**_REPORT, "status": "canceled", "completed_at": "2026-11-20T12:00:09.123Z"},
)
_SIGNATURES: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")


def make(service: Service, count: Count, options: settings) -> Test:
    callback = Callback(service.accounts.ids["generation_id"], 1)
    system = service.system
    url = callback_url("http://gateway", callback, [system.secrets.callback_secret.encode()], provider="replicate")
    true = "{0.path}?{0.query}".format(urlsplit(url))
    secret = secret_for(system.secrets.sandbox_token)

    def check(service: Service, value: tuple[Any, str | None, dict[str, str]]) -> None:
        report, query, altered = value
        body = json.dumps(report).encode(errors="surrogatepass")
        true_headers = signed_headers("msg_1", body=body, secrets=[secret], version=1, now=datetime.now(UTC))
        headers = {**true_headers, **{name: header_text(text) for name, text in altered.items()}}
        path = true if query is None else f"{true.partition('?')[0]}?{query}"
        answer = ask(service, "POST", path, headers, (200,), data=body)
        signed = true_headers["webhook-signature"] in headers["webhook-signature"].split(" ")
        assert answer.status_code >= 400 or (signed and headers["webhook-id"] == "msg_1"), "it is believed"

    reports = st.sampled_from(_REPORTS) | spoilt_json(_REPORTS)
    queries = spoilt_text((true.partition("?")[2],), ("&a=2", "&s=", "%", "g=x", "\u00e4", "&a=99999999"))
    texts = spoilt_text(("v1,", "msg_1", "1"), ("v1,x ", "9" * 30, "\u00e4"))
    altered = st.just(dict[str, str]()) | st.fixed_dictionaries({}, optional=dict.fromkeys(_SIGNATURES, texts))
    inputs = st.tuples(reports, st.none() | st.none() | queries, altered)
    return every(inputs, check)(service, count, options)


CALLBACKS: Final = Target("callbacks", 4, make)
