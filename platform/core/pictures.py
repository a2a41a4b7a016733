"""Pictures that people bring: looked at, made small and written anew: nothing but pixels is kept of them."""

import io
from typing import IO

from flask_babel import gettext as _
from PIL import Image, ImageOps, UnidentifiedImageError

from core.errors import Invalid

FORMATS = ("PNG", "JPEG", "WEBP")
MOST_BYTES = 10 * 1024 * 1024
MOST_PIXELS = 50_000_000
SIDE = 256
TYPE = "image/webp"


def square(content: IO[bytes], field: str) -> bytes:
    """The middle of a picture as a WebP of 256 by 256 pixels. Raises Invalid for the field."""
    out = io.BytesIO()
    ImageOps.fit(upright(content, field).convert("RGB"), (SIDE, SIDE)).save(out, "WEBP", quality=82)
    return out.getvalue()


def within(content: IO[bytes], field: str, size: tuple[int, int]) -> bytes:
    """The whole picture as a PNG of at most so many pixels across and down, transparent where it was. Raises Invalid
    for the field."""
    out = io.BytesIO()
    picture = upright(content, field).convert("RGBA")
    picture.thumbnail(size)
    picture.save(out, "PNG", optimize=True)
    return out.getvalue()


def upright(content: IO[bytes], field: str) -> Image.Image:
    """The picture as one looks at it. Raises Invalid for the field."""
    data = content.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise Invalid((field, _("A picture may have at most 10 MB.")))
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise Invalid((field, _("This picture has too many pixels. Make it smaller first.")))
            turned: Image.Image = ImageOps.exif_transpose(picture)
            turned.load()
            return turned
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise Invalid((field, _("This is no picture we can read. Take a JPEG, PNG or WebP."))) from None
