"""Pictures that people bring: looked at, cut to a square and written anew: nothing but pixels is kept of them."""

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
    data = content.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise Invalid((field, _("A picture may have at most 10 MB.")))
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise Invalid((field, _("This picture has too many pixels. Make it smaller first.")))
            upright = ImageOps.exif_transpose(picture).convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise Invalid((field, _("This is no picture we can read. Take a JPEG, PNG or WebP."))) from None
    out = io.BytesIO()
    ImageOps.fit(upright, (SIDE, SIDE)).save(out, "WEBP", quality=82)
    return out.getvalue()
