"""What follows when a quote is sent: its PDF, the mail to the client, and its end when its last day is over."""

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from core import mail
from core.db import Workspace
from core.jobs import Place, job, later
from core.letters import Letter, here
from core.letters import send as send_letter
from core.mail import Attached
from crm.quotes import answers
from crm.quotes.actions import DELIVER, EXPIRE, ends_at
from crm.quotes.links import address
from crm.quotes.models import Quote
from crm.quotes.paper import file_name, keep_pdf, on_paper, price
from tenants.models import Member


@job(DELIVER, mail.PAUSES, queue="urgent")
def deliver(place: Place, quote_id: str, key: str, mailed: int) -> None:
    """Make the PDF and keep it; then mail it, where somebody is to have it. Whoever withdrew it meanwhile is heard."""
    workspace = place.here()
    with place.database.workspace(workspace) as session, session.begin():
        quote = session.get(Quote, UUID(quote_id), with_for_update=True)
        if quote is None or quote.state != "sent" or quote.deleted_at:
            return
        pdf = keep_pdf(session, workspace, quote)
        sender = session.get(Member, quote.sent_by_id) if quote.sent_by_id else None
    if not mailed or sender is None:
        return
    with force_locale(quote.language):
        file = Attached(file_name(quote), "application", "pdf", pdf)
        letter = written(workspace, quote, sender)
        name = f"{sender.name}, {workspace.name}"
        send_letter(letter, quote.sent_to, key, sender=name, reply_to=sender.email, attached=(file,))


def written(workspace: Workspace, quote: Quote, sender: Member) -> Letter:
    """The letter to the client, in the quote's language."""
    until = on_paper(quote.valid_until)
    said = tuple(part for part in quote.message.split("\n\n") if part.strip())
    return Letter(
        _("Quote %(number)s: %(name)s", number=quote.number, name=quote.name),
        said or (_("We have prepared a quote for you. It is attached, and you can answer it on its page."),),
        _("Look at the quote"),
        address(here(), workspace, quote),
        (
            _("%(price)s including VAT, valid until %(day)s.", price=price(quote.gross, quote.currency), day=until),
            sender.name,
        ),
        place=workspace.name,
    )


@job(EXPIRE)
def expire(place: Place, quote_id: str) -> None:
    """Its last day is over, if it still waits for an answer and no later day was set."""
    with place.database.workspace(place.here()) as session, session.begin():
        quote = session.get(Quote, UUID(quote_id), with_for_update=True)
        if quote is None or quote.state != "sent":
            return
        if quote.valid_until < datetime.now(ZoneInfo(place.here().time_zone)).date():
            answers.expire(session, quote)


def expire_anew(session: Session, workspace: Workspace, _pasts: object) -> None:
    """After a restore: each quote that waits ends on its day."""
    for quote in session.query(Quote).where(Quote.state == "sent", Quote.deleted_at.is_(None)):
        later(session, EXPIRE, at=ends_at(workspace.time_zone, quote.valid_until), quote_id=quote.id)
