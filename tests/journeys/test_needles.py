"""The search of erased data can find them in every form."""

import base64
import bz2
import gzip
import os
import zlib
from collections.abc import Callable

import pytest

from tests.systems.needles import Needles, new_word

FORMS: dict[str, Callable[[bytes], bytes]] = {
    "as it is": lambda data: data,
    "within base64": lambda data: base64.b64encode(b"x" + data + b"y"),
    "within base64, shifted": lambda data: base64.b64encode(b"xy" + data),
    "within base64 of URLs": lambda data: base64.urlsafe_b64encode(b"xyz" + data),
    "hexadecimal": lambda data: data.hex().encode(),
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "deflate": lambda data: zlib.compress(data, wbits=-15),
    "bzip2": bz2.compress,
}
OF_TEXTS: dict[str, Callable[[str], bytes]] = {
    "capitals": lambda text: text.upper().encode(),
    "UTF-16, little endian": lambda text: text.encode("utf-16-le"),
    "UTF-16, big endian": lambda text: text.encode("utf-16-be"),
    "escaped JSON": lambda text: "".join(f"\\u{ord(letter):04x}" for letter in text).encode(),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_text_and_a_picture_are_found(form: Callable[[bytes], bytes]) -> None:
    text, picture = new_word("prompt"), os.urandom(4000)
    needles = Needles({"text": text, "picture": picture, "other text": new_word("prompt"), "other": os.urandom(4000)})
    assert needles.found(form(b"before " + text.encode() + b" after")) == {"text"}
    assert needles.found(form(picture)) == {"picture"}
    assert needles.found(form(os.urandom(4000))) == set()


@pytest.mark.parametrize("form", OF_TEXTS.values(), ids=OF_TEXTS)
def test_a_text_is_found_in_other_letters(form: Callable[[str], bytes]) -> None:
    text = new_word("prompt")
    assert Needles({"text": text}).found(b"before " + form(text) + b" after") == {"text"}


def test_half_of_a_picture_is_found() -> None:
    picture = os.urandom(4000)
    assert Needles({"picture": picture}).found(picture[:2000]) == {"picture"}
