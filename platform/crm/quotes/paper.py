"""A quote as a paper: everything that stands on it as texts in its language, and the PDF."""

import io
from decimal import Decimal
from typing import Any

from flask_babel import force_locale, format_date, format_decimal, pgettext
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from stdnum import iban as ibans

from core.db import Workspace
from core.files import files, put
from core.pages import NBSP, in_czech, number, priced
from crm.deals.items import Totals, totals
from crm.documents.actions import letterhead_of
from crm.documents.models import Letterhead
from crm.documents.spayd import payable_by_qr, qr_svg, spayd
from crm.documents.typeset import typeset
from crm.quotes.models import Quote


def pdf_of(session: Session, workspace: Workspace, quote: Quote) -> bytes:
    """The PDF that was kept when the quote was sent; of a draft, one made now. Raises NotTypeset."""
    if quote.file_key:
        with files().reading(quote.file_key) as kept:
            return kept.read()
    letterhead = letterhead_of(session, workspace.name)
    with force_locale(quote.language):
        data = written(quote, letterhead)
    data["look"]["logo"] = list(logo_of(letterhead))
    return typeset("quote", data, quote.sent_at or quote.updated_at)


def keep_pdf(session: Session, workspace: Workspace, quote: Quote) -> bytes:
    """The PDF, kept from now on."""
    pdf = pdf_of(session, workspace, quote)
    if quote.file_key is None:
        stored = put(workspace, io.BytesIO(pdf))
        quote.file_key, quote.file_size = stored.key, stored.size
    return pdf


def file_name(quote: Quote) -> str:
    """By which it is saved, in the present language."""
    kind, number_shown = pgettext("file", "quote"), quote.number or _("draft")
    return f"{kind}-{number_shown}.pdf"


def written(quote: Quote, letterhead: Letterhead) -> dict[str, Any]:
    """What templates/quote.typ takes, in the present language; without the logo."""
    sums = totals(quote.items)
    shown = quote.number or _("draft")
    return {
        "title": _("Quote %(number)s", number=shown),
        "lang": quote.language,
        "number": shown,
        "name": quote.name,
        "facts": facts(quote),
        "client": lines_of(quote.client),
        "items": [item_texts(item, net) for item, net in zip(quote.items, sums.lines, strict=True)],
        "totals": total_texts(quote, sums),
        "gross": price(sums.gross, quote.currency),
        "account": account(quote, letterhead),
        "qr": qr(quote, letterhead),
        "note": quote.note,
        "look": {
            "name": letterhead.name,
            "colour": letterhead.colour,
            "logo": [],
            "header": letterhead.header,
            "footer": letterhead.footer,
            "terms": letterhead.terms,
            "party": party(letterhead),
        },
        "words": {
            "quote": _("Quote"),
            "from": pgettext("paper", "From"),
            "to": pgettext("paper", "For"),
            "columns": [_("Item"), _("Quantity"), _("Unit"), _("Price of one"), _("VAT"), _("Without VAT")],
            "to_pay": _("To pay"),
            "qr": _("Pay by QR code"),
            "account": _("Bank account"),
            "terms": _("Terms"),
        },
    }


def facts(quote: Quote) -> list[tuple[str, str]]:
    issued = [(_("Issued"), on_paper(quote.sent_at.date()))] if quote.sent_at else []
    return [*issued, (_("Valid until"), on_paper(quote.valid_until))]


def on_paper(day: Any) -> str:
    return str(format_date(day, f"d.{NBSP}M.{NBSP}y" if in_czech() else f"d{NBSP}MMM{NBSP}y"))


def lines_of(client: dict[str, Any]) -> list[str]:
    numbers = [
        _("Reg. no. %(number)s", number=client["reg_no"]) if client["reg_no"] else "",
        _("VAT no. %(number)s", number=client["vat_no"]) if client["vat_no"] else "",
    ]
    return [line for line in (client["name"], client["person"], client["address"], *numbers) if line]


def party(letterhead: Letterhead) -> list[str]:
    client = {"name": letterhead.name, "person": "", "address": "", "reg_no": letterhead.reg_no}
    name, *numbers = lines_of({**client, "vat_no": letterhead.vat_no}) or [""]
    reached = (letterhead.phone, letterhead.email, letterhead.website)
    return [line for line in (name, *letterhead.address.split("\n"), *numbers, *reached) if line]


def item_texts(item: dict[str, Any], net: Decimal) -> dict[str, str]:
    off = Decimal(item["discount"])
    return {
        "name": item["name"],
        "quantity": number(item["quantity"]),
        "unit": item["unit"],
        "price": cents(Decimal(item["unit_price"])),
        "discount": _("discount %(percent)s %%", percent=number(off)) if off else "",
        "vat": f"{number(item['vat_rate'])}{NBSP}%",
        "net": cents(net),
    }


def total_texts(quote: Quote, sums: Totals) -> list[tuple[str, str]]:
    rows = [(_("Without VAT"), price(sums.net, quote.currency))]
    taxed = [line for line in sums.rates if line.rate]
    return rows + [(_("VAT %(rate)s %%", rate=number(one.rate)), price(one.vat, quote.currency)) for one in taxed]


def account(quote: Quote, letterhead: Letterhead) -> str:
    if not letterhead.iban:
        return ""
    number = quote.number or ""
    symbol = [_("Reference %(number)s", number=number.replace("-", ""))] if number else []
    return "\n".join([ibans.format(letterhead.iban), *symbol])


def qr(quote: Quote, letterhead: Letterhead) -> str:
    """The Czech code, once there is a number to pay by."""
    if not quote.number or not payable_by_qr(letterhead.iban):
        return ""
    message = _("Quote %(number)s", number=quote.number)
    return qr_svg(spayd(letterhead.iban, quote.gross, quote.currency, quote.number, message))


def logo_of(letterhead: Letterhead) -> bytes:
    if letterhead.logo_key is None:
        return b""
    with files().reading(letterhead.logo_key) as kept:
        return kept.read()


def price(amount: Decimal, currency: str) -> str:
    return priced(cents(amount), currency)


def cents(amount: Decimal) -> str:
    return str(format_decimal(amount, "#,##0.00"))
