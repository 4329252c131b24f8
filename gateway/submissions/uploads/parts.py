"""Collect the parts of a submission while they arrive."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Final, NamedTuple

from domain.errors import ErrorCode, ExemplarError, invalid_field
from domain.submission.image_header import MAX_BYTES
from domain.submission.stored_examples import FIELDS as STORED_FIELDS
from gateway.http.byte_budget import ByteLease
from gateway.submissions.content import ContentImage
from gateway.submissions.uploads.multipart import Event, Part
from gateway.submissions.uploads.spool import Spool

MAX_IMAGES: Final = 5
IMAGE_FIELDS: Final = frozenset({"example_images", "files"})

LIST_FIELDS: Final = IMAGE_FIELDS | STORED_FIELDS | {"webhook_events_filter", "expected_hash"}

# Bytes kept of each text field; one byte more is kept so that the validation of the field sees the excess.
TEXT_FIELDS: Final = {
    "instructions": 4_004,  # 1,000 characters of UTF-8 or UTF-32, and a byte order mark
    "webhook": 2_048,
    "webhook_events_filter": 64,
    "metadata": 8_196,  # 2,048 bytes of UTF-8, sent as UTF-32
    "expected_hash": 80,
    "start_by": 64,
    **dict.fromkeys(STORED_FIELDS, 80),
    "_charset_": 64,
}
_IMAGES: Final = ("body", "example_images")


class FormFields(NamedTuple):
    """The fields that a form knows: those of images, and those of text with the bytes that are kept of each.

    `lists` are those that some clients write with brackets.
    """

    images: frozenset[str]
    texts: Mapping[str, int]
    lists: frozenset[str]


SUBMISSION_FIELDS: Final = FormFields(IMAGE_FIELDS, TEXT_FIELDS, LIST_FIELDS)
_FILENAME_LENGTH: Final = 255
_MAX_UNKNOWN: Final = 8
# axios and PHP write a list as name[], others as name[0], name[1].
_LIST_NAME: Final = re.compile(r"(\w+)\[\d{0,4}\]", re.ASCII)


@dataclass(frozen=True, slots=True)
class ImagePart:
    """One file of the form: its name and its bytes."""

    filename: str
    spool: Spool


@dataclass(slots=True)
class StoredPart:
    """A field that names a picture of an earlier generation; `image` or `refusal` is what was found."""

    field: str
    raw: bytearray = dataclass_field(default_factory=bytearray)
    image: ContentImage | None = None
    refusal: ExemplarError | None = None

    @property
    def text(self) -> str:
        return self.raw.decode("ascii", "replace")


class RawText(NamedTuple):
    """A text field as sent: its bytes and the charset that its part declares, if any."""

    raw: bytes
    charset: str | None


class FormParts:
    """Collect images and text fields; ``unknown`` names the first other fields.

    Two faults are refused as soon as they are seen: an image over 10 MiB (``image_too_large``) and the
    beginning of a sixth image (``too_many_images``), where one that is named counts. A part without a file name and
    without bytes is a browser's empty file input, not an image. Unknown fields are dropped.
    """

    def __init__(self, lease: ByteLease, image_memory: int, fields: FormFields = SUBMISSION_FIELDS) -> None:
        self.images: list[ImagePart | StoredPart] = []
        self._fields = fields
        self._lease = lease
        self._image_memory = image_memory
        self.unknown: list[str] = []
        self._texts: dict[str, list[tuple[bytearray, str | None]]] = {}
        self._image: ImagePart | None = None
        self._text: tuple[bytearray, int] | None = None

    async def take(self, event: Event) -> None:
        match event:
            case Part():
                self._begin(event)
            case None:
                if self._image is not None:
                    await self._image.spool.finish()
                self._image = self._text = None
            case _ if self._image is not None:
                await self._write_image(self._image, event)
            case _ if self._text is not None:
                kept, limit = self._text
                kept += event[: limit + 1 - len(kept)]

    def texts(self, name: str) -> list[RawText]:
        """Return the values of a field in order; a value over the limit is cut one byte after it.

        A part without a charset has that of the field `_charset_` (RFC 7578, 4.6).
        """
        default = bytes(self._texts.get("_charset_", [(b"", None)])[0][0]).decode("ascii", "replace") or None
        return [RawText(bytes(text), charset or default) for text, charset in self._texts.get(name, ())]

    def text(self, name: str) -> RawText | None:
        """Return the value of a field that may be sent once; raises FieldError when it was sent again."""
        match self.texts(name):
            case []:
                return None
            case [text]:
                return text
            case _:
                raise invalid_field("body", name, "field sent more than once", "value_error.duplicate")

    def close(self) -> None:
        for image in self.images:
            if isinstance(image, ImagePart):
                image.spool.close()

    def _begin(self, part: Part) -> None:
        self._image = self._text = None
        name = _known_name(part.name, self._fields.lists)
        if name in self._fields.images:
            self._image = ImagePart((part.filename or "")[:_FILENAME_LENGTH], Spool(self._image_memory))
            if part.filename:
                self._count(self._image)
        elif name in self._fields.texts:
            kept = bytearray()
            if name in STORED_FIELDS:
                self._count(StoredPart(name, kept))
            self._texts.setdefault(name, []).append((kept, part.charset))
            self._text = kept, self._fields.texts[name]
        elif len(self.unknown) < _MAX_UNKNOWN:
            self.unknown.append(part.name[:_FILENAME_LENGTH])

    def _count(self, image: ImagePart | StoredPart) -> None:
        if len(self.images) == MAX_IMAGES:
            raise ExemplarError(ErrorCode.TOO_MANY_IMAGES, loc=_IMAGES)
        self.images.append(image)

    async def _write_image(self, image: ImagePart, chunk: bytes) -> None:
        if not image.filename and not image.spool.size:
            self._count(image)
        if image.spool.size + len(chunk) > MAX_BYTES:
            raise ExemplarError(ErrorCode.IMAGE_TOO_LARGE, loc=(*_IMAGES, self.images.index(image)))
        await self._lease.use(len(chunk))
        await image.spool.write(chunk)


def _known_name(name: str, lists: frozenset[str]) -> str:
    """Return the name of a list field without the brackets that some clients add; any other name as it is."""
    found = _LIST_NAME.fullmatch(name)
    return found[1] if found and found[1] in lists else name
