"""Write an ICC profile of three primaries and one tone curve (ICC.1:2001, a matrix/TRC display profile)."""

import struct
from collections.abc import Callable, Sequence
from typing import Final

Point = tuple[float, float]
"""A chromaticity: x and y of CIE 1931."""
Vector = tuple[float, float, float]
Matrix = tuple[Vector, Vector, Vector]

_D50: Final[Vector] = (0.9642, 1.0, 0.8249)
_ROUNDING: Final = 1e-9
_BRADFORD: Final[Matrix] = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
_CURVE_STEPS: Final = 1_024
_HEAD: Final = 128


def matrix_profile(white: Point, primaries: Sequence[Point], curve: Callable[[float], float]) -> bytes | None:
    """Write the profile; ``curve`` turns a sample into light, both 0 to 1. None for impossible chromaticities."""
    try:
        columns = _columns(white, primaries)
    except ZeroDivisionError:
        return None
    if not all(-2 < value < 3 for column in columns for value in column):
        return None
    light = (round(min(max(curve(step / (_CURVE_STEPS - 1)), 0.0), 1.0) * 65_535) for step in range(_CURVE_STEPS))
    tone = b"curv\0\0\0\0" + struct.pack(f">I{_CURVE_STEPS}H", _CURVE_STEPS, *light)
    tags = {b"wtpt": _xyz(_D50), b"rTRC": tone, b"gTRC": tone, b"bTRC": tone}
    tags |= {name: _xyz(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)}
    tags |= {b"desc": b"desc\0\0\0\0\0\0\0\x01\0" + bytes(78), b"cprt": b"text\0\0\0\0\0"}
    return _written(tags)


def _columns(white: Point, primaries: Sequence[Point]) -> Sequence[Vector]:
    """Return the colours of full red, green and blue under D50, adapted from the white by Bradford."""
    target = _light(white)
    lights = [_light(primary) for primary in primaries]
    shares = _apply(_inverse(_transposed(lights)), target)
    source, goal = _apply(_BRADFORD, target), _apply(_BRADFORD, _D50)
    scales = [wanted / given for wanted, given in zip(goal, source, strict=True)]
    columns = []
    for share, light in zip(shares, lights, strict=True):
        x, y, z = _apply(_BRADFORD, _scaled(light, share))
        adapted = (x * scales[0], y * scales[1], z * scales[2])
        columns.append(_apply(_inverse(_BRADFORD), adapted))
    return columns


def _light(point: Point) -> Vector:
    x, y = point
    return x / y, 1.0, (1 - x - y) / y


def _scaled(vector: Vector, factor: float) -> Vector:
    return vector[0] * factor, vector[1] * factor, vector[2] * factor


def _apply(matrix: Matrix, vector: Vector) -> Vector:
    first, second, third = (_dot(row, vector) for row in matrix)
    return first, second, third


def _dot(a: Vector, b: Vector) -> float:
    """Add in this order with these roundings: `sum` of Python 3.12 is more exact, and a picture is made again later."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _transposed(rows: Sequence[Vector]) -> Matrix:
    first, second, third = zip(*rows, strict=True)
    return first, second, third


def _inverse(m: Matrix) -> Matrix:
    """Invert a matrix; ZeroDivisionError for one whose determinant is but the rounding of its terms."""
    crosses = [_cross(m[1], m[2]), _cross(m[2], m[0]), _cross(m[0], m[1])]
    determinant = _dot(m[0], crosses[0])
    if abs(determinant) <= _ROUNDING * max(abs(a * b) for a, b in zip(m[0], crosses[0], strict=True)):
        raise ZeroDivisionError
    return _transposed([_scaled(cross, 1 / determinant) for cross in crosses])


def _cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _xyz(vector: Vector) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65_536) for value in vector))


def _written(tags: dict[bytes, bytes]) -> bytes:
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", _HEAD + 4 + 12 * len(tags) + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    head = struct.pack(
        ">I4sI4s4s4s", _HEAD + len(table) + len(body), b"\0\0\0\0", 0x02400000, b"mntr", b"RGB ", b"XYZ "
    )
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _xyz(_D50)[8:]
    return head.ljust(_HEAD, b"\0") + table + body
