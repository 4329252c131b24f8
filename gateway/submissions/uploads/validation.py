"""What a form must hold to be a submission; every fault of it is found.

The first fault in this order is the answer: no image; format, then dimensions, of any image; ``from_generation`` and
``from_example``; ``expected_hash``; ``instructions`` missing or sent twice, length, JSON, object, prompt, values;
``metadata``; ``webhook``; ``webhook_events_filter``; ``start_by``.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.errors import ErrorCode, ExemplarError, FieldError, invalid_field
from domain.faults import Faults
from domain.moments import EXPECTED, parse_moment
from domain.submission.expected_hashes import FIELD as EXPECTED_HASH
from domain.submission.expected_hashes import check_hashes
from domain.submission.image_header import DimensionsExceeded, UnsupportedFormat, judge
from domain.submission.instructions import model_prompt, parse_instructions
from domain.submission.model_inputs import Ceilings
from domain.submission.warnings import warnings_of
from gateway.http.texts import UndecodableTextError, decode_text
from gateway.submissions.content import Content, ContentImage
from gateway.submissions.uploads.fields import (
    decode_instructions,
    missing_message,
    read_metadata,
    read_webhook,
    read_webhook_filter,
)
from gateway.submissions.uploads.parts import FormParts, ImagePart, RawText, StoredPart
from gateway.webhooks.checks import check_request

_IMAGES: Final = ("body", "example_images")


@dataclass(frozen=True, slots=True)
class FormRules:
    """The rules that settings and the moment decide: ceilings of model inputs, allowed webhook addresses."""

    ceilings: Ceilings
    webhook_allow: Collection[str]
    now: datetime


def validated(parts: FormParts, rules: FormRules, faults: Faults) -> Content:
    """Read a form; raises its first fault, or an earlier one in `faults`, which names all others."""
    images = read_images(parts, faults, "name each file example_images or files")
    faults.check(_check_hashes, parts, images)
    instructions = faults.check(_instructions, parts, rules.ceilings)
    metadata = faults.check(lambda: read_metadata(parts.text("metadata")))
    webhook = faults.check(_webhook, parts, rules.webhook_allow)
    filters = faults.check(_filters, parts, rules.webhook_allow)
    start_by = faults.check(_start_by, parts, rules.now)
    faults.refuse()
    if images is None or instructions is None or filters is None:
        raise AssertionError("a fault was not refused")
    text, prompt = instructions
    return Content(
        images=images,
        instructions=text,
        metadata=metadata,
        webhook=webhook,
        webhook_events_filter=filters,
        start_by=start_by,
        unknown_fields=tuple(parts.unknown),
        warnings=warnings_of(images, prompt, unknown_fields=parts.unknown),
    )


def read_images(parts: FormParts, faults: Faults, wanted: str) -> tuple[ContentImage, ...] | None:
    """Describe the pictures by their headers; None when one of them is refused. `wanted`: how they are sent."""
    if not parts.images:
        msg = missing_message(parts.unknown, wanted)
        faults.add(FieldError(ErrorCode.MISSING_IMAGES, _IMAGES, msg, "value_error.missing"))
        return None
    images, format_faults, size_faults, stored_faults = list[ContentImage](), Faults(), Faults(), Faults()
    for number, part in enumerate(parts.images):
        try:
            if (image := _image(part, stored_faults)) is not None:
                images.append(image)
        except UnsupportedFormat:
            format_faults.add(ExemplarError(ErrorCode.IMAGE_FORMAT, loc=(*_IMAGES, number)))
        except DimensionsExceeded:
            size_faults.add(ExemplarError(ErrorCode.IMAGE_DIMENSIONS, loc=(*_IMAGES, number)))
    faults.check(format_faults.refuse)
    faults.check(size_faults.refuse)
    faults.check(stored_faults.refuse)
    return tuple(images) if len(images) == len(parts.images) else None


def _image(part: ImagePart | StoredPart, stored_faults: Faults) -> ContentImage | None:
    """Describe a picture by its header, without decoding it, or as it is stored; None for one that is not there."""
    if isinstance(part, StoredPart):
        if part.refusal is not None:
            stored_faults.add(part.refusal)
        return part.image
    spool, header = part.spool, judge(part.spool.source())
    kind, width, height = header.content_type, header.width, header.height
    return ContentImage(spool.size, spool.sha256, kind, width, height, part.filename, spool.read)


def _check_hashes(parts: FormParts, images: tuple[ContentImage, ...] | None) -> None:
    """Compare the hashes; where a picture is refused, check their form and number alone."""
    expected = [_short_text(sent, EXPECTED_HASH) for sent in parts.texts(EXPECTED_HASH)]
    if images is None:
        check_hashes(expected, [None] * (len(parts.images) or len(expected)))
    else:
        check_hashes(expected, [image.sha256 for image in images])


def _instructions(parts: FormParts, ceilings: Ceilings) -> tuple[str, str]:
    """Return the text as received, and the prompt for the model."""
    text = decode_instructions(parts.text("instructions"), parts.unknown)
    return text, model_prompt(parse_instructions(text, ceilings=ceilings))


def _webhook(parts: FormParts, allow: Collection[str]) -> str | None:
    webhook = read_webhook(parts.text("webhook"))
    check_request(webhook, (), allow)
    return webhook


def _filters(parts: FormParts, allow: Collection[str]) -> tuple[str, ...]:
    filters = read_webhook_filter(parts.texts("webhook_events_filter"))
    check_request(None, filters, allow)
    return filters


def _start_by(parts: FormParts, now: datetime) -> datetime | None:
    """Read the moment until which the paid call must be under way."""
    sent = parts.text("start_by")
    if sent is None or not sent.raw:
        return None
    moment = parse_moment(_short_text(sent, "start_by"))
    if moment is None:
        raise invalid_field("body", "start_by", EXPECTED)
    if moment <= now:
        raise invalid_field("body", "start_by", "must be in the future")
    return moment


def _short_text(sent: RawText, name: str) -> str:
    try:
        return decode_text(*sent).strip()
    except UndecodableTextError as error:
        raise invalid_field("body", name, str(error)) from error
