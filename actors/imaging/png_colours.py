"""The colour space of a PNG as an ICC profile: cICP, else iCCP, else sRGB, else gAMA and cHRM (W3C PNG, 4.3)."""

import struct
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Final

from actors.imaging.icc import Point, matrix_profile

Curve = Callable[[float], float]

MAX_PROFILE: Final = 8 * 2**20  # unpacked
_D65: Final[Point] = (0.3127, 0.3290)
_SRGB: Final = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
_SRGB_GAMMA: Final = 1 / 2.2
_NEAR: Final = 0.002  # of a chromaticity, and of a gamma tenfold: what sRGB's own chunks are rounded to
_CODED_SRGB: Final = b"\x01\x0d\0\x01"
_WHITE_NITS: Final = 203.0  # ITU-R BT.2408: the light of white paper in HDR

# ITU-T H.273, table 2: white and primaries.
_PRIMARIES: Final[Mapping[int, tuple[Point, tuple[Point, Point, Point]]]] = {
    1: (_D65, _SRGB),
    4: ((0.310, 0.316), ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08))),
    5: (_D65, ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06))),
    6: (_D65, ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070))),
    7: (_D65, ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070))),
    9: (_D65, ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))),
    11: ((0.314, 0.351), ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))),
    12: (_D65, ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))),
}


def profile_of(chunks: Mapping[bytes, bytes]) -> bytes | None:
    """Return the profile of a PNG's colours; None for sRGB, and where nothing valid says otherwise."""
    coded = chunks.get(b"cICP", b"")
    if coded == _CODED_SRGB:
        return None
    if profile := _coded(coded) or _embedded(chunks.get(b"iCCP", b"")):
        return profile
    if len(chunks.get(b"sRGB", b"")) == 1:
        return None
    return _measured(chunks.get(b"gAMA", b""), chunks.get(b"cHRM", b""))


def _embedded(content: bytes) -> bytes | None:
    """Unpack iCCP: a name of 1 to 79 bytes, NUL, method 0, deflated profile."""
    name, _, packed = content.partition(b"\0")
    if not (0 < len(name) < 80 and packed.startswith(b"\0")):
        return None
    with suppress(zlib.error):
        unpacking = zlib.decompressobj()
        profile = unpacking.decompress(packed[1:], MAX_PROFILE)
        return profile if profile[36:40] == b"acsp" and not unpacking.unconsumed_tail else None
    return None


def _measured(gamma: bytes, chromaticities: bytes) -> bytes | None:
    """Make a profile from gAMA and cHRM, each in 1/100,000; what is missing or absurd is sRGB's."""
    exponent = _gamma(gamma)
    points = struct.unpack(">8I", chromaticities) if len(chromaticities) == 32 else ()
    pairs = tuple((points[at] / 100_000, points[at + 1] / 100_000) for at in range(0, len(points), 2))
    if not pairs or _close(pairs):
        pairs = ()
    if exponent is None and not pairs:
        return None
    return _profile(pairs or (_D65, *_SRGB), exponent) or _profile((_D65, *_SRGB), exponent)


def _gamma(content: bytes) -> float | None:
    """Read gAMA as the exponent from samples to light; None for sRGB's."""
    value = int.from_bytes(content, "big") / 100_000 if len(content) == 4 else 0.0
    if not 0.05 <= value <= 20 or abs(value - _SRGB_GAMMA) < 10 * _NEAR:
        return None
    return 1 / value


def _close(points: tuple[Point, ...]) -> bool:
    """Tell whether chromaticities are those of sRGB, as rounded."""
    expected = (_D65, *_SRGB)
    return all(
        abs(a - b) < _NEAR for one, other in zip(points, expected, strict=True) for a, b in zip(one, other, strict=True)
    )


@lru_cache(maxsize=8)
def _profile(points: tuple[Point, ...], exponent: float | None) -> bytes | None:
    white, *primaries = points
    return matrix_profile(white, primaries, _srgb if exponent is None else lambda sample: sample**exponent)


@lru_cache(maxsize=8)
def _coded(content: bytes) -> bytes | None:
    """Make a profile from cICP: primaries, transfer function, matrix 0, full range or not (ITU-T H.273)."""
    if len(content) != 4 or content[2] != 0 or content[3] > 1:
        return None
    named, curve = _PRIMARIES.get(content[0]), _CURVES.get(content[1])
    if named is None or curve is None:
        return None
    return matrix_profile(*named, curve if content[3] else lambda sample: curve((sample * 255 - 16) / 219))


def _srgb(sample: float) -> float:
    return sample / 12.92 if sample <= 0.04045 else float(((sample + 0.055) / 1.055) ** 2.4)


def _pq(sample: float) -> float:
    """SMPTE ST 2084, with white paper as full light; brighter is clipped."""
    root = max(sample, 0.0) ** (32 / 2523)
    light = max(root - 3424 / 4096, 0.0) / (2413 / 128 - 2392 / 128 * root)
    return float(light ** (16_384 / 2610)) * 10_000 / _WHITE_NITS


def _hlg(sample: float) -> float:
    """ARIB STD-B67 on a display of 1,000 nits, with white paper as full light; brighter is clipped."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    sample = max(sample, 0.0)
    scene = sample**2 / 3 if sample <= 0.5 else (2.718281828459045 ** ((sample - c) / a) + b) / 12
    return float(scene**1.2) * 1_000 / _WHITE_NITS


def _power(exponent: float, full: float = 1.0) -> Curve:
    return lambda sample: float(full * max(sample, 0.0) ** exponent)


# ITU-T H.273, table 3.
_CURVES: Final[Mapping[int, Curve]] = {
    **dict.fromkeys((1, 6, 14, 15), _power(2.4)),  # as displays show them: ITU-R BT.1886
    4: _power(2.2),
    5: _power(2.8),
    8: _power(1.0),
    13: _srgb,
    16: _pq,
    17: _power(2.6, 52.37 / 48),
    18: _hlg,
}
