"""Submissions whose multipart framing, part headers and fields are spoilt."""

from typing import Any, Final

from hypothesis import strategies as st

from domain.paths import SUBMIT
from tests.builders.pictures import png_header
from tests.fuzz.answers import ask
from tests.fuzz.mutation import spoilt_bytes
from tests.fuzz.service import Service
from tests.fuzz.target import Target, every
from tests.gateway.submissions.upload_server import BOUNDARY, form, part

# The header of a picture without pixels: it is accepted, and fails as soon as it is decoded.
_PICTURE: Final = part("example_images", png_header(8, 8), "a.png", {"Content-Type": "image/png"})
_PROMPT: Final = part("instructions", b'{"prompt": "a garden", "seed": 1, "mood": ["calm"]}')
_METADATA: Final = part("metadata", b'{"order": "1"}')
_WEBHOOK: Final = part("webhook", b"http://127.0.0.1:9/")
_MARK: Final = b"--" + BOUNDARY.encode()
_SAMPLES: Final = (
    form(_PICTURE, _PROMPT, _METADATA, _WEBHOOK, part("webhook_events_filter", b"completed")),
    form(_PROMPT, _PICTURE, _PICTURE),
    b"a preamble\r\n" + form(_PICTURE, _PROMPT) + b"an epilogue",
    form(
        _PICTURE, part("instructions", b'{"prompt": "b\xe4r"}', headers={"Content-Type": "text/plain; charset=latin-1"})
    ),
)
_TOKENS: Final = (
    *(_MARK, _MARK + b"--", b"\r\n" + _MARK + b"\r\n", b"\r\n\r\n", b"\r\n", b"\n", b"\r", b"\0", b'"', b"\\", b";"),
    *(b"; filename*=UTF-8''%e2%82", b'; filename="../a\\"b.png"', b'; name="instructions"', b"; charset=utf-16"),
    *(b"Content-Transfer-Encoding: base64\r\n", b"Content-Type: multipart/mixed; boundary=x\r\n", b"\xff\xd8\xff"),
    *(b"Content-Disposition: form-data\r\n", b"\xef\xbb\xbf", b"\x83\\", b"\xed\xa0\x80", b": " * 64, b"a" * 5000),
)
_TYPES: Final = spoilt_bytes(
    (f"multipart/form-data; boundary={BOUNDARY}".encode(), f'Multipart/Form-Data; boundary="{BOUNDARY}"'.encode()),
    (b"; boundary=x", b'"', b"; charset=utf-8", b" ", b"*0=", b"mixed"),
).map(lambda octets: octets.decode("latin-1").translate(dict.fromkeys((*range(32), 127))))
_PLAIN: Final = st.just(f"multipart/form-data; boundary={BOUNDARY}")


def check(service: Service, value: tuple[bytes, str, list[int]]) -> None:
    body, content_type, sizes = value
    data: Any = _chunks(body, sizes) if sizes else body
    headers = {**service.accounts.end_user, "Content-Type": content_type.strip()}
    ask(service, "POST", SUBMIT, headers, (202,), data=data)


def _chunks(body: bytes, sizes: list[int]) -> Any:
    """Yield the body in pieces, which are sent as chunks of these sizes and a last one."""
    at = 0
    for size in sizes:
        if at < len(body):
            yield body[at : at + size]
            at += size
    if at < len(body):
        yield body[at:]


_BODIES: Final = spoilt_bytes(_SAMPLES, _TOKENS)
_SIZES: Final = st.just(list[int]()) | st.lists(st.integers(1, 90), max_size=12)
MULTIPART: Final = Target("multipart", 12, every(st.tuples(_BODIES, _PLAIN | _PLAIN | _TYPES, _SIZES), check))
