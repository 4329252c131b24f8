"""Make odd and hostile pictures from the sample photographs."""

import io
import struct
import zlib
from functools import cache
from pathlib import Path

from PIL import Image

SAMPLES = Path(__file__).parents[2] / "exemplar" / "demo" / "samples"
PHOTOS = ("coffee.png", "chelsea.png", "astronaut.png", "rocket.jpg", "hubble_deep_field.jpg")
GPS = 0x8825
ORIENTATION = 0x0112


@cache
def photo(name: str = "coffee.png") -> bytes:
    return (SAMPLES / name).read_bytes()


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


@cache
def decoded(name: str) -> Image.Image:
    return opened(photo(name)).convert("RGB")


def shot(name: str = "coffee.png", size: tuple[int, int] | None = None) -> Image.Image:
    """The photograph as RGB, scaled to ``size`` if one is given."""
    image = decoded(name)
    return image.resize(size, Image.Resampling.LANCZOS) if size else image.copy()


@cache  # most submissions of the tests send one of a few
def jpeg(name: str = "coffee.png", size: tuple[int, int] | None = None, **options: object) -> bytes:
    return saved(shot(name, size), "JPEG", **{"quality": 92} | options)


def cmyk_jpeg(name: str = "coffee.png", profile: bytes | None = None) -> bytes:
    return saved(shot(name).convert("CMYK"), "JPEG", quality=92, icc_profile=profile)


def ink_jpeg(cmyk: tuple[int, int, int, int], profile: bytes | None = None) -> bytes:
    return saved(Image.new("CMYK", (64, 64), cmyk), "JPEG", quality=95, icc_profile=profile)


def grey_jpeg(name: str = "coffee.png") -> bytes:
    return saved(shot(name).convert("L"), "JPEG", quality=92)


def grey_16_bit_png(values: tuple[int, ...], size: int = 16) -> bytes:
    """Vertical stripes of the given 16-bit tones, each ``size`` wide."""
    row = b"\0" + b"".join(struct.pack(">H", value) * size for value in values)
    return _png(size * len(values), size, 16, 0, row * size)


def colour_16_bit_png(name: str = "coffee.png") -> bytes:
    image = shot(name)
    width, height = image.size
    wide = b"".join(bytes((tone, tone)) for tone in image.tobytes())
    rows = b"".join(b"\0" + wide[y * width * 6 : (y + 1) * width * 6] for y in range(height))
    return _png(width, height, 16, 2, rows)


def palette_png(name: str = "coffee.png") -> bytes:
    return saved(shot(name).quantize(256), "PNG")


def transparent_palette_png() -> bytes:
    """All of it is palette entry 0, black, which is transparent."""
    image = Image.new("P", (32, 32), 0)
    image.putpalette([0, 0, 0, 255, 0, 0])
    return saved(image, "PNG", transparency=0)


def half_transparent(kind: str = "PNG", mode: str = "RGBA") -> bytes:
    """Black whose left half cannot be seen."""
    alpha = Image.new("L", (64, 64), 255)
    alpha.paste(0, (0, 0, 32, 64))
    image = Image.new(mode.rstrip("A"), (64, 64))
    image.putalpha(alpha)
    return saved(image, kind, **({"lossless": True} if kind == "WEBP" else {}))


def rotated_jpeg(orientation: int, name: str = "coffee.png") -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return saved(shot(name), "JPEG", quality=95, exif=exif)


def telltale_jpeg(name: str = "coffee.png") -> bytes:
    """A picture with metadata: GPS, maker, comment, XMP."""
    exif = Image.Exif()
    exif[0x010F] = "TELLTALE-MAKER"
    exif.get_ifd(GPS).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 36.0)})
    return saved(shot(name), "JPEG", quality=92, exif=exif, comment=b"TELLTALE-COMMENT", xmp=b"TELLTALE-XMP")


def webp(name: str = "coffee.png", **options: object) -> bytes:
    return saved(shot(name), "WEBP", **options)


def animated(kind: str, frames: int = 5) -> bytes:
    """A green frame first, then red ones of other sizes."""
    first = Image.new("RGB", (48, 32), (0, 160, 0))
    rest = [Image.new("RGB", (48, 32), (200, n, 0)) for n in range(1, frames)]
    return saved(first, kind, save_all=True, append_images=rest, duration=50, lossless=True)


def two_in_one_jpeg() -> bytes:
    """A JPEG with a second one behind it that its header knows of, as some cameras write."""
    return saved(shot(), "MPO", quality=92, save_all=True, append_images=[shot("rocket.jpg")])


def grey_alpha_png(width: int, height: int) -> bytes:
    """Transparent all over, of any size, in few bytes."""
    return _png(width, height, 8, 4, bytes(1 + 2 * width) * height)


def plain_webp(width: int, height: int) -> bytes:
    return saved(Image.new("RGB", (width, height), "teal"), "WEBP", quality=1, method=0)


def broken_exif_jpeg() -> bytes:
    return saved(shot(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff" + b"\xff" * 64)


def one_bit_png(width: int, height: int) -> bytes:
    """Black, of any size, in a few bytes: 13000x13000 is the 20 kB bomb."""
    return _png(width, height, 1, 0, bytes(1 + (width + 7) // 8) * height)


def bomb_png() -> bytes:
    return one_bit_png(13_000, 13_000)


def text_bomb_png() -> bytes:
    """60 kB that unpack to 60 MB of text before the first pixel."""
    text = _chunk(b"zTXt", b"k\0\0" + zlib.compress(b"a" * 1_000_000))
    whole = one_bit_png(8, 8)
    return whole[:33] + text * 60 + whole[33:]


def truncated(data: bytes, share: float = 0.5) -> bytes:
    return data[: int(len(data) * share)]


def scribbled(data: bytes) -> bytes:
    """The middle third is overwritten."""
    third = len(data) // 3
    return data[:third] + b"\xa5" * third + data[2 * third :]


def with_tail(data: bytes, tail: bytes = b"PK\x03\x04 and a whole archive") -> bytes:
    return data + tail


def png_header(width: int, height: int) -> bytes:
    """A signature, an honest header and nothing else."""
    return b"\x89PNG\r\n\x1a\n" + _header(width, height, 8, 2)


def jpeg_header(width: int, height: int) -> bytes:
    return b"\xff\xd8\xff\xe0\0\x04\0\0\xff\xc0\0\x11\x08" + struct.pack(">HH", height, width) + b"\x03"


def webp_header(width: int, height: int) -> bytes:
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + canvas


def foreign(kind: str) -> bytes:
    """A picture of an unsupported format that Pillow writes."""
    return saved(shot(size=(32, 32)), kind)


def svg() -> bytes:
    return b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def heic() -> bytes:
    return b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 64


def odd_ink_profile() -> bytes:
    """A CMYK profile (ICC.1, lut8) in which cyan ink is green, so that its use is visible."""
    white, green, black = bytes((255, 128, 128)), bytes((140, 68, 178)), bytes((0, 128, 128))
    nodes = b"".join(black if node & 1 else green if node & 8 else white for node in range(16))
    ramp = bytes(range(256))
    unit = b"".join(struct.pack(">i", 65_536 if n % 4 == 0 else 0) for n in range(9))
    lut = b"mft1\0\0\0\0\x04\x03\x02\0" + unit + ramp * 4 + nodes + ramp * 3
    tags = struct.pack(">I", 1) + b"A2B0" + struct.pack(">II", 144, len(lut))
    illuminant = struct.pack(">iii", 63_190, 65_536, 54_061)
    head = struct.pack(">I4sI4s4s4s", 144 + len(lut), b"lcms", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    head += struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + illuminant
    return head.ljust(128, b"\0") + tags + lut


def _png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    head = b"\x89PNG\r\n\x1a\n" + _header(width, height, depth, colour)
    return head + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")


def _header(width: int, height: int, depth: int, colour: int) -> bytes:
    return _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
