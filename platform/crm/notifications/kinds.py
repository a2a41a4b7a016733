"""What people are told of: each kind declared once, with its words, its channels and who hears of it.

    Kind("task_assigned", ..., of=lambda event: ..., to=assignee)

`of` says which events are of the kind, `to` whom they concern, in the transaction that tells them. What the clock tells
of (`crm.notifications.timed`) or another feature by `telling.tell_members` has neither. A new kind is a line here.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask_babel import lazy_gettext as _l
from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from core.records import KINDS as RECORDS
from core.records import Record
from crm.notifications.mentions import mentioned
from crm.notifications.watching import watchers
from crm.timeline.models import Note
from tenants.models import Member, Role

Event = Row[Any]
Who = Callable[[Session, Event, Record | None], Collection[UUID]]

APP, MAIL, PUSH = "app", "mail", "push"
CHANNELS = (APP, MAIL, PUSH)


@dataclass(frozen=True)
class Kind:
    """`label` names it among the preferences, `sentence` tells of it: %(who)s did it, %(title)s is the record. `many`
    tells of %(n)s at once. `channels` are those on at first, `offers` those there are. `own`: told to whoever asked for
    it, too. `queue` is where its mail and push are worked off."""

    name: str
    label: Any
    sentence: Any
    of: Callable[[Event], bool] = lambda _event: False
    to: Who = lambda _session, _event, _record: ()
    many: Any = None
    channels: frozenset[str] = frozenset(CHANNELS)
    offers: tuple[str, ...] = CHANNELS
    own: bool = False
    queue: str = "default"
    icon: str = "bell"


# Who hears of an event.


def new_assignee(_session: Session, event: Event, record: Record | None) -> Collection[UUID]:
    """Whom the task was given to, while it is theirs and open."""
    given = event.after.get("assignee_id")
    there = record is not None and str(getattr(record, "assignee_id", None)) == given
    return [UUID(given)] if there and getattr(record, "done_at", None) is None else []


def who_gives_requests(session: Session, _event: Event, record: Record | None) -> Collection[UUID]:
    """Who can give a request to somebody, while nobody has it."""
    nobodys = record is not None and getattr(record, "assignee_id", None) is None
    return holding(session, "request", "assign") if nobodys else []


def new_owner(_session: Session, event: Event, record: Record | None) -> Collection[UUID]:
    given = event.after.get("owner_id")
    return [UUID(given)] if record is not None and str(getattr(record, "owner_id", None)) == given else []


def watching(session: Session, _event: Event, record: Record | None) -> Collection[UUID]:
    return watchers(session, record) if record is not None else []


def watching_subject(session: Session, _event: Event, record: Record | None) -> Collection[UUID]:
    """Whoever watches what a note stands on."""
    subject = subject_of(session, record)
    return watchers(session, subject) if subject is not None else []


def newly_mentioned(session: Session, event: Event, record: Record | None) -> Collection[UUID]:
    """The members named in a note; in one that was changed, those whose names were not there before."""
    if not isinstance(record, Note) or record.deleted_at:
        return []
    return mentioned(session, event.after.get("text", "")) - mentioned(session, event.before.get("text", ""))


def who_is_named(_session: Session, event: Event, _record: Record | None) -> Collection[UUID]:
    """The event itself says whom to tell."""
    return [UUID(str(event.after["tell"]))] if event.after.get("tell") else []


def who_asked(session: Session, event: Event, record: Record | None) -> Collection[UUID]:
    return who_is_named(session, event, record) or [event.member_id]


def who_runs_this(session: Session, event: Event, record: Record | None) -> Collection[UUID]:
    """Whom the event names, else all who may change the settings."""
    return who_is_named(session, event, record) or holding(session, "settings", "edit")


def holding(session: Session, kind: str, verb: str) -> list[UUID]:
    """The active members who hold a right over everything."""
    held = select(Member.id).join(Role, Role.id == Member.role_id)
    return list(session.scalars(held.where(Member.state == "active", Role.rights[kind][verb].astext == "all")))


def subject_of(session: Session, record: Record | None) -> Record | None:
    """What a note stands on, the most particular first; for any other record, itself."""
    if not isinstance(record, Note):
        return record
    for kind in ("deal", "contact", "company"):
        linked = getattr(record, f"{kind}_id")
        if linked:
            return session.get(RECORDS[kind], linked)
    return None


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "task_assigned",
            _l("A task is given to you"),
            _l("%(who)s gave you the task %(title)s"),
            of=lambda event: event.kind == "task" and bool(event.after.get("assignee_id")),
            to=new_assignee,
            many=_l("%(who)s gave you %(n)s tasks"),
            icon="checkbox",
        ),
        Kind("task_due", _l("A task is due"), _l("Now due: %(title)s"), many=_l("%(n)s tasks are due"), icon="clock"),
        Kind(
            "task_overdue",
            _l("A task is late"),
            _l("Late: %(title)s"),
            many=_l("%(n)s tasks are late"),
            icon="clock-exclamation",
        ),
        Kind(
            "task_late",
            _l("Somebody else's task is late and needs you"),
            _l("Not done in time: %(title)s"),
            of=lambda event: event.action == "task.late",
            to=who_is_named,
            many=_l("%(n)s tasks were not done in time"),
            own=True,
            queue="urgent",
            icon="clock-exclamation",
        ),
        Kind(
            "request_assigned",
            _l("A request is given to you"),
            _l("Get in touch: %(title)s"),
            of=lambda event: event.kind == "request" and bool(event.after.get("assignee_id")),
            to=new_assignee,
            many=_l("%(n)s requests are given to you"),
            queue="urgent",
            icon="inbox",
        ),
        Kind(
            "request_unassigned",
            _l("A request comes that nobody has"),
            _l("Nobody has this request yet: %(title)s"),
            of=lambda event: (
                event.kind == "request" and bool(event.after.get("contact_by")) and not event.after.get("assignee_id")
            ),
            to=who_gives_requests,
            many=_l("%(n)s requests are nobody's yet"),
            queue="urgent",
            icon="inbox",
        ),
        Kind(
            "request_late",
            _l("A client was not contacted in time"),
            _l("Not contacted in time: %(title)s"),
            of=lambda event: event.action == "request.late",
            to=who_is_named,
            many=_l("%(n)s clients were not contacted in time"),
            own=True,
            queue="urgent",
            icon="clock-exclamation",
        ),
        Kind(
            "request_waits",
            _l("A request waits for room in your plan"),
            _l("The plan has no room for a contact more, so this request waits whole: %(title)s"),
            own=True,
            queue="urgent",
            icon="clock-pause",
        ),
        Kind(
            "deal_assigned",
            _l("A deal is given to you"),
            _l("%(who)s gave you the deal %(title)s"),
            of=lambda event: event.kind == "deal" and bool(event.after.get("owner_id")),
            to=new_owner,
            many=_l("%(who)s gave you %(n)s deals"),
            icon="layout-kanban",
        ),
        Kind(
            "deal_won",
            _l("A deal you watch is won"),
            _l("%(who)s won the deal %(title)s"),
            of=lambda event: event.kind == "deal" and event.after.get("status") == "won",
            to=watching,
            channels=frozenset({APP}),
            icon="trophy",
        ),
        Kind(
            "deal_lost",
            _l("A deal you watch is lost"),
            _l("%(who)s lost the deal %(title)s"),
            of=lambda event: event.kind == "deal" and event.after.get("status") == "lost",
            to=watching,
            channels=frozenset({APP}),
            icon="mood-sad",
        ),
        Kind(
            "quote_accepted",
            _l("A client accepts your quote"),
            _l("The client accepted the quote %(title)s"),
            of=lambda event: event.action == "quote.accept",
            to=who_is_named,
            own=True,
            queue="urgent",
            icon="circle-check",
        ),
        Kind(
            "quote_declined",
            _l("A client declines your quote, or asks for a new one"),
            _l("The client declined the quote %(title)s, or asks for a new one"),
            of=lambda event: event.action in ("quote.decline", "quote.ask_again"),
            to=who_is_named,
            own=True,
            icon="file-x",
        ),
        Kind(
            "payment_came",
            _l("A client pays online"),
            _l("A payment came for %(title)s"),
            of=lambda event: event.action == "payment.receive" and event.via == "client",
            to=who_is_named,
            own=True,
            queue="urgent",
            icon="cash",
        ),
        Kind(
            "deal_stale",
            _l("Nothing happens with your deal"),
            _l("Nothing has happened for %(n)s days with the deal %(title)s"),
            many=_l("%(n)s of your deals go stale"),
            channels=frozenset({APP, MAIL}),
            icon="hourglass",
        ),
        Kind(
            "mention",
            _l("Somebody writes @ and your name"),
            _l("%(who)s mentioned you at %(title)s"),
            of=lambda event: event.kind == "note" and bool(event.after.get("text")),
            to=newly_mentioned,
            icon="at",
        ),
        Kind(
            "note",
            _l("A note or call on what you watch"),
            _l("%(who)s wrote at %(title)s"),
            of=lambda event: event.kind == "note" and event.change == "created",
            to=watching_subject,
            many=_l("%(who)s wrote %(n)s notes"),
            channels=frozenset({APP}),
            icon="message",
        ),
        Kind(
            "call_missed",
            _l("You are to call somebody back"),
            _l("Missed call. %(title)s"),
            many=_l("%(n)s missed calls"),
            own=True,
            queue="urgent",
            icon="phone-x",
        ),
        Kind(
            "mail_answer",
            _l("A client answers your mail"),
            _l("A mail has come at %(title)s"),
            many=_l("%(n)s mails have come"),
            own=True,
            icon="mail",
        ),
        Kind(
            "import_ended",
            _l("Your import has ended"),
            _l("Your import has ended: %(title)s"),
            of=lambda event: (
                event.kind == "import"
                and event.action == "import.run"
                and event.after.get("state") in ("done", "failed", "stopped", "full")
            ),
            to=who_asked,
            own=True,
            icon="upload",
        ),
        Kind(
            "export_done",
            _l("Your export is ready"),
            _l("Your export is ready: %(title)s"),
            of=lambda event: event.action == "export.done",
            to=who_asked,
            own=True,
            icon="download",
        ),
        Kind(
            "backup_failed",
            _l("A backup failed"),
            _l("A backup of %(title)s failed"),
            of=lambda event: event.action == "backup.failed",
            to=who_runs_this,
            own=True,
            queue="urgent",
            icon="alert-triangle",
        ),
        Kind(
            "process_said",
            _l("A process has a message for you"),
            _l("%(title)s"),
            own=True,
            queue="urgent",
            icon="arrow-iteration",
        ),
        Kind(
            "process_failed",
            _l("A process of yours cannot go on"),
            _l("The process %(title)s cannot go on"),
            of=lambda event: event.action == "process.failed",
            to=who_is_named,
            many=_l("%(n)s processes cannot go on"),
            own=True,
            queue="urgent",
            icon="alert-triangle",
        ),
        Kind(
            "process_flood",
            _l("A process of yours is started too often"),
            _l("The process %(title)s was started too often, and not once more"),
            own=True,
            queue="urgent",
            icon="alert-triangle",
        ),
        # Of these there are letters of their own (crm.reports, crm.accounts, crm.limits).
        Kind(
            "job_report",
            _l("The report of a finished job, where a process sends it to you"),
            _l("Job done: %(title)s"),
            channels=frozenset({MAIL}),
            offers=(MAIL,),
            own=True,
            icon="report",
        ),
        Kind(
            "new_device",
            _l("Somebody logs in with your account on a new device"),
            _l("A log-in with your account on a new device: %(title)s"),
            channels=frozenset({APP, PUSH}),
            offers=(APP, PUSH),
            own=True,
            queue="urgent",
            icon="shield-lock",
        ),
        Kind(
            "limit",
            _l("A limit of the plan is nearly reached"),
            _l("%(title)s"),
            channels=frozenset({APP}),
            offers=(APP, PUSH),
            own=True,
            icon="credit-card",
        ),
        Kind(
            "mail_stopped",
            _l("Mail to somebody comes back"),
            _l("Mail to %(title)s comes back, so none is sent any more"),
            channels=frozenset({APP}),
            offers=(APP,),
            own=True,
            icon="mail-off",
        ),
    )
}
