"""Handing a member's mail over to the mail server, and keeping what became of it."""

from uuid import UUID

from sqlalchemy import update

from config.settings import settings
from core import mail as post
from core.events import note_by_itself
from core.jobs import Place, job
from crm.mails.addresses import address
from crm.mails.models import Mail
from crm.requests.contacted import note_told_contact


@job("mails.send", queue="urgent", pauses=post.PAUSES)
def send(place: Place, mail_id: str, by_hand: int = 1) -> None:
    """At least once; a repeat has the same Message-ID. What the server will never take has failed, with its reason.
    One that somebody wrote `by_hand` is a contact with its client; what a process sends by itself is none."""
    config = settings()
    with place.database.workspace(place.here()) as session:
        mail = session.get(Mail, UUID(mail_id))
    if mail is None or mail.state != "waiting" or mail.deleted_at:
        return
    reply_to = address(config, place.here(), mail.thread_id) or mail.from_address
    message = post.Message(
        mail.id.hex, mail.to_address, mail.subject, mail.text, "", sender=mail.from_name, reply_to=reply_to,
        answers=mail.answers,
    )  # fmt: skip
    try:
        post.send(message, config)
    except post.Undeliverable as error:
        settle(place, mail, "failed", str(error))
    except post.NotSent as error:
        settle(place, mail, "waiting", str(error))
        raise
    else:
        settle(place, mail, "sent", "", post.message_id(message, config), contact=bool(by_hand))


def settle(place: Place, mail: Mail, state: str, error: str, message_id: str = "", *, contact: bool = False) -> None:
    with place.database.workspace(place.here()) as session, session.begin():
        values = {"state": state, "error": error, "message_id": message_id, "version": Mail.version + 1}
        session.execute(update(Mail).where(Mail.id == mail.id, Mail.state == "waiting").values(values))
        note_by_itself(session, f"mail.{state}", "mail", [(mail.id, mail.title(), {"state": state})])
        if contact:
            note_told_contact(
                session, place.here(), mail.member_id, "mail.sent", mail.at,
                contact_id=mail.contact_id, deal_id=mail.deal_id,
            )  # fmt: skip
