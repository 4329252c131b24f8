"""Pictures whose segments, chunks and headers are spoilt, and the processes that decode them."""

import asyncio
from functools import cache
from typing import Final

from actors.imaging.decoder import Decoder, DecoderSettings, InvalidPicture
from domain.submission.image_header import MAX_PIXELS, MAX_SIDE, PictureRefused, judge
from tests.builders import odd_pictures as odd
from tests.fuzz.mutation import spoilt_bytes
from tests.fuzz.service import Service
from tests.fuzz.target import Target, every

_SAMPLES: Final = (
    odd.tone_jpeg(),
    odd.jpeg_with(odd.segment(0xE1, b"Exif\0\0" + odd.orientation(6))),
    odd.tone_jpeg(progressive=True),
    odd.toned_png(),
    odd.palette(4, b"\0\x80"),
    odd.toned_png(odd.gamma(0.45) + odd.chromaticities(odd.P3) + odd.coded(12, 13) + odd.key(1, 2, 3)),
    odd.toned_png(odd.embedded(odd.linear_grey_profile())),
    odd.webp_with(b""),
    odd.webp_with(b"EXIF\4\0\0\0abcd", flags=8, lossless=False),
)
_TOKENS: Final = (
    *(b"\xff\xd8", b"\xff\xd9", b"\xff\xda", b"\xff\xc0", b"\xff\xe1\xff\xff", b"\xff\0", b"\xff\xff\xff", b"\xff\xd0"),
    *(b"IHDR", b"IDAT", b"IEND", b"PLTE", b"tRNS", b"iCCP", b"acTL\0\0\0\1", b"\xff\xff\xff\xff", b"\0\0\0\0"),
    *(b"VP8X", b"VP8L", b"VP8 ", b"ANIM", b"ALPH", b"ICCP", b"RIFF", odd.chunk(b"IEND", b""), odd.chunk(b"iCCP", b"")),
)


@cache
def _decoding() -> tuple[asyncio.Runner, Decoder]:
    runner = asyncio.Runner()
    return runner, Decoder(DecoderSettings(workers=1))


def check(_: Service, picture: bytes) -> None:
    try:
        header = judge(picture)
    except PictureRefused:
        return
    assert 1 <= min(header.width, header.height) <= max(header.width, header.height) <= MAX_SIDE
    assert header.width * header.height <= MAX_PIXELS
    runner, decoder = _decoding()
    try:
        composed = runner.run(decoder.compose([picture]))
    except InvalidPicture as refused:
        if refused.code == "crashed":
            raise
        return
    assert judge(composed.data).content_type == "image/jpeg"


PICTURES: Final = Target("pictures", 8, every(spoilt_bytes(_SAMPLES, _TOKENS), check))
