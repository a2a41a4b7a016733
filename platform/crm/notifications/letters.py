"""Mail about what happened: several things in one letter, and the digest in the morning.

A letter is bound when it is time (timed.release) and written when it is sent, with the rights and names of then: what
was read meanwhile is left out, and where nothing is left nothing is sent. Tried again for three days, always with the
same Message-ID.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID, uuid5

from flask_babel import force_locale, format_date, ngettext
from flask_babel import gettext as _
from sqlalchemy import func, select, update

from core import mail
from core.actor import Actor
from core.db import Database
from core.jobs import Place, job
from core.letters import Item, Letter, here, send
from core.pages import today_of
from crm.notifications import bounces
from crm.notifications.lines import PATHS, Line, lines
from crm.notifications.models import MailBlock, Notification
from crm.notifications.unsubscribing import address as unsubscribe_address
from crm.tasks.queries import agenda
from tenants.members import NotAMember, acting_member
from tenants.models import Person

SHOWN = 30  # things in one letter
LONGEST = 180  # characters of a subject

OPEN = {
    "task": lambda: _("Open the task"),
    "deal": lambda: _("Open the deal"),
    "contact": lambda: _("Open the contact"),
    "company": lambda: _("Open the company"),
    "quote": lambda: _("Open the quote"),
}


@job("notifications.mail", mail.PAUSES)
def send_gathered(place: Place, mail_id: str, member_id: str) -> None:
    """One letter about all that was bound for it and is still unread."""
    bound = (Notification.mail_id == UUID(mail_id), Notification.mailed_at.is_(None))
    try:
        with reading(place, member_id) as actor:
            rows = actor.db.scalars(select(Notification).where(*bound).order_by(Notification.id)).all()
            unread = [row for row in rows if row.read_at is None]
            found = [line for line in lines(actor, unread) if line.visible]
            kinds = {line.kind.name for line in found}
            sealed = envelope(place, actor, written(actor, unread, found), UUID(mail_id), kinds) if found else None
    except NotAMember:
        return
    if sealed:
        post(place, sealed)
    with place.database.workspace(place.here()) as session, session.begin():
        session.execute(update(Notification).where(*bound).values(mailed_at=func.now()))


@contextmanager
def reading(place: Place, member_id: str) -> Iterator[Actor]:
    """The member, in their language. The session ends before anything is sent: a slow server holds no connection."""
    with (
        acting_member(place.database, place.here(), UUID(member_id), "job") as actor,
        force_locale(actor.member.language),
    ):
        yield actor


@dataclass(frozen=True)
class Sealed:
    """A letter, ready to be sent to a member."""

    letter: Letter
    actor: Actor
    key: UUID
    unsubscribe: str


def envelope(place: Place, actor: Actor, letter: Letter, key: UUID, kinds: set[str]) -> Sealed | None:
    """With whose it is and the ways out; None where nothing may be sent to the member."""
    if not may_mail(place.database, actor):
        return None
    unsubscribe = unsubscribe_address(here(), actor.workspace, actor.member.id, kinds)
    foot = (
        (_("No more mail like this"), unsubscribe),
        (_("Choose what you are told"), url(actor, "/notifications/preferences")),
    )
    dressed = replace(letter, subject=" ".join(letter.subject.split())[:LONGEST], foot=foot, place=actor.workspace.name)
    return Sealed(dressed, actor, key, unsubscribe)


def post(place: Place, sealed: Sealed, attached: tuple[mail.Attached, ...] = ()) -> None:
    """Send it. An address that takes nothing is written down, and the letter given up."""
    member = sealed.actor.member
    returns_to = bounces.address(here(), place.here(), member.id, member.email)
    try:
        with force_locale(member.language):
            send(
                sealed.letter, member.email, sealed.key.hex,
                unsubscribe=sealed.unsubscribe, returns_to=returns_to, attached=attached,
            )  # fmt: skip
    except mail.AddressRefused as refusal:
        bounces.block(place.database, place.here(), member.id, str(refusal))


def may_mail(database: Database, actor: Actor) -> bool:
    """Whether the address is the member's own (confirmed, or vouched for by their provider) and takes mail."""
    blocked = actor.db.scalar(
        select(MailBlock).where(MailBlock.member_id == actor.member.id, MailBlock.email == actor.member.email)
    )
    if blocked:
        return False
    with database.controlling() as control:
        person = control.get(Person, actor.member.identity_id)
    return person is not None and (person.confirmed_at is not None or person.workspace_id is not None)


def written(actor: Actor, rows: Sequence[Notification], found: list[Line]) -> Letter:
    """What and whom in the subject; one thing with a button to it, several as a list."""
    first, rest = found[0], len(found) - 1
    if not rest:
        row = next(row for row in rows if row.id == first.id)
        name = OPEN.get(row.record_kind or "", lambda: _("Open Okno"))()
        said = (f"„{first.said}“" if actor.member.language == "cs" else f"“{first.said}”",) if first.said else ()
        return Letter(first.plain, said, name, url(actor, first.path or "/notifications/"), heading=first.plain)
    subject = ngettext("%(first)s, and %(num)s more", "%(first)s, and %(num)s more", rest, first=first.plain)
    items = tuple(Item(line.plain, url(actor, line.path) if line.path else "", line.said) for line in found[:SHOWN])
    heading = ngettext("%(num)s thing for you", "%(num)s things for you", len(found))
    return Letter(subject, (), _("See all"), url(actor, "/notifications/"), sections=(("", items),), heading=heading)


def url(actor: Actor, path: str) -> str:
    return f"{here().url}/{actor.workspace.slug}{path}"


@job("notifications.digest", mail.PAUSES)
def send_digest(place: Place, member_id: str, day: str) -> None:
    """What is due today, what is late, what is unread; nothing to say is no letter. A digest that could not be sent on
    its day is not sent."""
    try:
        with reading(place, member_id) as actor:
            letter = digest(actor, date.fromisoformat(day))
            key = uuid5(actor.member.id, f"digest {day}")
            sealed = envelope(place, actor, letter, key, {"digest"}) if letter else None
    except NotAMember:
        return
    if sealed:
        post(place, sealed)


def digest(actor: Actor, day: date) -> Letter | None:
    if today_of(actor) != day:
        return None
    due = agenda(actor, days=0)
    sections = []
    for group, name in (("late", _("Late")), ("today", _("Today"))):
        items = [
            Item(
                f"{task.name} · {task.late}" if group == "late" else f"{task.due.clock} {task.name}".strip(),
                url(actor, PATHS["task"].format(task.id)),
                task.about,
            )
            for task in due
            if task.group == group
        ]
        if items:
            sections.append((f"{name} ({len(items)})", tuple(items[:SHOWN])))
    unread = [line for line in lines(actor, newest_unread(actor)) if line.visible]
    if unread:
        items = [Item(line.plain, url(actor, line.path) if line.path else "") for line in unread]
        sections.append((_("Unread"), tuple(items[:SHOWN])))
    if not sections:
        return None
    subject = _(
        "Your day, %(day)s", day=format_date(day, "EEEE d. MMMM" if actor.member.language == "cs" else "EEEE d MMMM")
    )
    return Letter(subject, (), _("Open Today"), url(actor, "/today"), sections=tuple(sections))


def newest_unread(actor: Actor, most: int = SHOWN) -> list[Notification]:
    query = select(Notification).where(
        Notification.member_id == actor.member.id, Notification.in_app, Notification.read_at.is_(None)
    )
    return list(actor.db.scalars(query.order_by(Notification.id.desc()).limit(most)))
