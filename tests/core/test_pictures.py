"""Pictures: turned, cut, written anew; what is none, or a bomb, is refused."""

import io
import zlib
from collections.abc import Callable

import pytest
from flask import Flask
from PIL import Image

from core import pictures
from core.errors import Invalid


def picture(kind: str = "JPEG", size: tuple[int, int] = (600, 400), **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_becomes_a_square_without_its_metadata(app: Flask, kind: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    made = pictures.square(io.BytesIO(picture(kind, exif=exif)), "photo")
    with Image.open(io.BytesIO(made)) as found:
        assert (found.format, found.size) == ("WEBP", (pictures.SIDE, pictures.SIDE))
    assert b"where I live" not in made


def bomb() -> bytes:
    """A PNG of a few hundred bytes that says it is 60,000 by 60,000."""
    data = bytearray(picture("PNG", (1, 1)))
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


NONE: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "svg": lambda: b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
    "zeros": lambda: b"\0" * 5000,
    "gif": lambda: picture("GIF"),
    "cut": lambda: picture()[:200],
    "bomb": bomb,
    "large": lambda: b"x" * (pictures.MOST_BYTES + 1),
}


@pytest.mark.parametrize("content", NONE)
def test_what_is_no_picture_is_refused(app: Flask, content: str) -> None:
    with app.test_request_context("/"), pytest.raises(Invalid):
        pictures.square(io.BytesIO(NONE[content]()), "photo")
