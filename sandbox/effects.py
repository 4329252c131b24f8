"""What every picture gets at the end: bloom, vignette, grain and the caption that says where it is from."""

import random

from PIL import Image, ImageChops, ImageDraw, ImageFont

_GRAIN_TILE = 256


def bloom(picture: Image.Image, *, strength: float = 0.35) -> Image.Image:
    """Let the lights glow: a blurred copy of the brightest tones, screened over the picture."""
    small = picture.reduce(max(1, min(picture.size) // 96))
    glow = small.point(lambda value: max(0.0, (value - 110) * 1.6 * strength))
    for size in (6, 3):
        shrunk = glow.resize((max(1, small.width // size), max(1, small.height // size)), Image.Resampling.BOX)
        glow = ImageChops.lighter(glow, shrunk.resize(small.size, Image.Resampling.BICUBIC))
    return ImageChops.screen(picture, glow.resize(picture.size, Image.Resampling.BILINEAR))


def vignette(picture: Image.Image, *, depth: float = 0.42) -> Image.Image:
    """Darken the corners by up to `depth` of their light."""
    shade = Image.radial_gradient("L").point(lambda value: 255 - max(0, value - 70) * depth)
    mask = shade.resize(picture.size, Image.Resampling.BICUBIC)
    return ImageChops.multiply(picture, Image.merge("RGB", (mask, mask, mask)))


def grain(picture: Image.Image, rng: random.Random, *, amount: int = 9) -> Image.Image:
    """Lay film grain of `amount` grey levels over the picture."""
    tile = Image.frombytes("L", (_GRAIN_TILE, _GRAIN_TILE), rng.randbytes(_GRAIN_TILE**2))
    tile = tile.point(lambda value: 128 - amount / 2 + value * amount / 255)
    sheet = Image.new("L", picture.size)
    for x in range(0, picture.width, _GRAIN_TILE):
        for y in range(0, picture.height, _GRAIN_TILE):
            sheet.paste(tile, (x, y))
    return ImageChops.add(picture, Image.merge("RGB", (sheet, sheet, sheet)), 1, -128)


def caption(picture: Image.Image, prompt: str) -> Image.Image:
    """Write `sandbox - <start of the prompt>` in the lower left corner."""
    size = max(9, min(picture.size) // 54)
    if picture.width < 96 or picture.height < 64:
        return picture
    font = ImageFont.load_default(size=size)
    text = _fitting(f"sandbox - {_prompt_start(prompt)}", font, picture.width - 5 * size)
    left, bottom = round(1.5 * size), picture.height - round(1.5 * size)
    strip = (left, bottom - round(1.9 * size), left + round(font.getlength(text) + 1.6 * size), bottom)
    dimmed = picture.crop(strip).point(lambda value: value * 0.38)
    corners = Image.new("L", dimmed.size)
    ImageDraw.Draw(corners).rounded_rectangle((0, 0, *dimmed.size), radius=size // 2, fill=255)
    picture.paste(dimmed, strip[:2], corners)
    pen = ImageDraw.Draw(picture)
    pen.text((left + 0.8 * size, bottom - 0.95 * size), text, fill=(240, 238, 232), font=font, anchor="lm")
    return picture


def _prompt_start(prompt: str) -> str:
    """Return up to eight words in the characters that the font can draw."""
    shown = "".join(c if c.isprintable() and ord(c) < 0x250 else " " for c in prompt).split()
    return " ".join(shown[:8])


def _fitting(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> str:
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "...") > width:
        text = text[:-1]
    return text.rstrip() + "..."
