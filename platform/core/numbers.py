"""Numbers as people write and read them, exact in between."""

import re
from decimal import Decimal

from babel.numbers import NumberFormatError, parse_decimal
from flask_babel import format_decimal, get_locale
from flask_babel import gettext as _

from core.errors import Invalid


def written_number(text: str, field: str, decimals: int = 2) -> Decimal:
    """The number a person wrote: "148 900,50", "148,900.50" by the reader's language, or "148900.5" by anybody's.

    Raises Invalid at the field for what could mean two things.
    """
    compact = "".join(text.split())
    if re.fullmatch(rf"-?\d{{1,20}}(\.\d{{1,{decimals}}})?", compact):
        return Decimal(compact)
    try:
        if not re.fullmatch(r"-?[\d.,']{1,30}", compact):
            raise NumberFormatError("")
        return parse_decimal(compact, locale=get_locale() or "en", strict=True)
    except NumberFormatError:
        example = number_text(Decimal("1480.50"))
        raise Invalid((field, _("Write a number, such as %(example)s.", example=example))) from None


def number_text(number: Decimal | None, pattern: str = "0.##") -> str:
    """The number as a form shows it; "" for none."""
    return "" if number is None else str(format_decimal(number, pattern))
