"""Webhooks whose headers, body or secret were altered, and the verifiers of receivers."""

import json
from datetime import UTC, datetime
from typing import Any, Final

from hypothesis import strategies as st
from svix.webhooks import Webhook as Svix
from svix.webhooks import WebhookVerificationError as SvixError

from domain.webhooks.signature import new_secret, signed_headers
from exemplar_client import WebhookVerificationError, verify_webhook
from tests.fuzz.mutation import spoilt_bytes, spoilt_text
from tests.fuzz.service import Service
from tests.fuzz.target import Target, every

_SECRET: Final = new_secret(b"s" * 32)
_OTHER: Final = new_secret(b"o" * 32)
_BODY: Final = json.dumps({"type": "generation.completed", "data": {"a": "\u00e4"}}).encode()
_BODIES: Final = (_BODY, b"[1]", b"", b"{}")
_TOKENS: Final = ("v1,", "v1a,", " ", ",", "=", "\u00e4", "\0", "9" * 30, "-1", "1e9", "nan", "whsec_", "\ud800")


@st.composite
def webhooks(draw: st.DrawFn) -> tuple[bool, str, dict[str, str], bytes]:
    """Draw whether all is genuine, then secret, headers and body."""
    signed = draw(st.sampled_from(_BODIES))
    headers = signed_headers("msg_1", body=signed, secrets=[_SECRET], version=1, now=datetime.now(UTC))
    secret, body, genuine = _SECRET, signed, dict(headers)
    if draw(st.booleans()):
        name = draw(st.sampled_from(("webhook-id", "webhook-timestamp", "webhook-signature")))
        headers[name] = draw(spoilt_text((headers[name],), _TOKENS))
    if draw(st.booleans()):
        body = draw(spoilt_bytes(_BODIES))
    if draw(st.integers(0, 3)) == 0:
        secret = draw(st.just(_OTHER) | spoilt_text((_SECRET,), _TOKENS))
    if draw(st.integers(0, 3)) == 0:
        del headers[draw(st.sampled_from(sorted(headers)))]
    return (secret, headers, body) == (_SECRET, genuine, signed), secret, headers, body


def check(_: Service, value: tuple[bool, str, dict[str, str], bytes]) -> None:
    genuine, secret, headers, body = value
    try:
        message = verify_webhook(secret, headers, body)
    except ValueError:
        assert secret not in (_SECRET, _OTHER), "a webhook, not the secret, raises ValueError"
        return
    except WebhookVerificationError:
        assert not genuine or not isinstance(_json(body), dict), "a genuine webhook is refused"
        return
    assert message == _json(body)
    assert body in _BODIES, "a body is believed that was never signed"
    assert _believed_by_another(secret, headers, body), "svix refuses it"


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _believed_by_another(secret: str, headers: dict[str, str], body: bytes) -> bool:
    try:
        Svix(secret).verify(body, headers)
    except SvixError:
        return False
    return True


SIGNATURES: Final = Target("signatures", 3, every(webhooks(), check))
