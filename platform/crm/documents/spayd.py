"""Czech QR payments: Short Payment Descriptor 1.0 of the Czech Banking Association (qr-platba.cz)."""

import io
import re
from decimal import Decimal

import segno

from core.text import plain


def spayd(iban: str, amount: Decimal, currency: str, number: str, message: str) -> str:
    """The text of the code. The variable symbol are the digits of the number, at most ten; the message is plain text of
    at most 60 characters, where neither * nor % may stand."""
    symbol = re.sub(r"\D", "", number)[-10:]
    words = re.sub(r"[^A-Z0-9 .,:/+-]", "", plain(message).upper())[:60].strip()
    parts = ["SPD", "1.0", f"ACC:{iban}", f"AM:{amount:.2f}", f"CC:{currency}", f"X-VS:{symbol}", f"MSG:{words}"]
    return "*".join(part for part in parts if not part.endswith(":"))


def payable_by_qr(iban: str) -> bool:
    """Banks of Czechia and Slovakia read these codes."""
    return iban.startswith(("CZ", "SK"))


def qr_svg(text: str) -> str:
    """The code as a picture, with the quiet zone that scanners need."""
    out = io.BytesIO()
    segno.make(text, error="m", micro=False).save(out, kind="svg", border=4, dark="#000", light="#fff")
    return out.getvalue().decode()
