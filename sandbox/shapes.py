"""Round shapes with smooth edges, drawn into a picture."""

from PIL import Image, ImageChops, ImageDraw, ImageOps

from sandbox.colour_schemes import Colour, ColourScheme


def with_disc(ground: Image.Image, inside: Image.Image, centre: tuple[int, int], radius: int) -> Image.Image:
    """Show the second picture through a smooth disc cut into the first."""
    corner = centre[0] - radius, centre[1] - radius
    patch = inside.crop((*corner, corner[0] + 2 * radius, corner[1] + 2 * radius))
    ground.paste(patch, corner, oval(radius))
    return ground


def oval(radius: int, *, hole: int = 0) -> Image.Image:
    """Return a smooth mask of a disc, or of a ring when `hole` is its inner radius in pixels."""
    scale = 2
    patch = Image.new("L", (2 * radius * scale, 2 * radius * scale))
    pen = ImageDraw.Draw(patch)
    pen.ellipse((0, 0, patch.width - 1, patch.height - 1), fill=255)
    if hole:
        rim = (radius - hole) * scale
        pen.ellipse((rim, rim, patch.width - 1 - rim, patch.height - 1 - rim), fill=0)
    return patch.reduce(scale)


def with_halo(picture: Image.Image, centre: tuple[int, int], radius: int, scheme: ColourScheme) -> Image.Image:
    """Add a glow of the accent around a disc."""
    reach = round(radius * 2.1)
    corner = centre[0] - reach, centre[1] - reach
    falloff = ImageOps.invert(Image.radial_gradient("L")).point(lambda value: max(0, value - 75) * 1.1)
    mask = falloff.resize((2 * reach, 2 * reach), Image.Resampling.BILINEAR)
    patch = picture.crop((*corner, corner[0] + 2 * reach, corner[1] + 2 * reach))
    picture.paste(ImageChops.screen(patch, Image.new("RGB", patch.size, scheme.accent)), corner, mask)
    return picture


def with_rings(picture: Image.Image, centre: tuple[int, int], radii: tuple[int, int], colour: Colour) -> Image.Image:
    """Draw a hairline circle at each radius."""
    line = max(1, min(picture.size) // 340)
    for radius in radii:
        outer = radius + line
        picture.paste(colour, (centre[0] - outer, centre[1] - outer), oval(outer, hole=radius))
    return picture
