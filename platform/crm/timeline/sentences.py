"""Events as sentences in the reader's language: "Deal Windows for a flat moved from Measurement to Quote"."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p
from markupsafe import Markup
from sqlalchemy import Row, select

from core.actor import Actor
from core.db import as_uuid
from core.pages import day, highlight, priced, zone_of
from core.people import address_line, shown_phone
from core.records import Record
from crm.absences.models import Absence
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Pipeline, Stage
from crm.fields.models import Field
from crm.fields.values import said_of
from crm.processes.queries import names_of_runs
from tenants.models import Member

LONGEST = 80  # characters of a value in a sentence

# What became of the record as a whole. A deal or task is named, except on its own card.
WHOLE: dict[tuple[str, str], Any] = {
    ("contact", "created"): _l("Contact added"),
    ("contact", "imported"): _l("Contact imported"),
    ("contact", "deleted"): _l("Contact deleted"),
    ("contact", "restored"): _l("Contact restored"),
    ("company", "created"): _l("Company added"),
    ("company", "imported"): _l("Company imported"),
    ("company", "deleted"): _l("Company deleted"),
    ("company", "restored"): _l("Company restored"),
    ("deal", "created"): _l("Deal %(name)s added"),
    ("deal", "imported"): _l("Deal %(name)s imported"),
    ("deal", "deleted"): _l("Deal %(name)s deleted"),
    ("deal", "restored"): _l("Deal %(name)s restored"),
    ("deal", "won"): _l("Deal %(name)s won"),
    ("deal", "lost"): _l("Deal %(name)s lost"),
    ("deal", "lost because"): _l("Deal %(name)s lost: %(reason)s"),
    ("deal", "open"): _l("Deal %(name)s opened again"),
    ("task", "created"): _l("Task %(name)s added"),
    ("task", "due"): _l("Task %(name)s added, due %(due)s"),
    ("task", "deleted"): _l("Task %(name)s deleted"),
    ("task", "restored"): _l("Task %(name)s restored"),
    ("task", "done"): _l("Task %(name)s done"),
    ("task", "open"): _l("Task %(name)s opened again"),
    ("note", "deleted"): _l("Note deleted"),
    ("quote", "created"): _l("Quote %(name)s made"),
    ("quote", "deleted"): _l("Quote %(name)s deleted"),
    ("quote", "restored"): _l("Quote %(name)s restored"),
    ("document", "created"): _l("Document %(name)s made"),
    ("document", "deleted"): _l("Document %(name)s deleted"),
    ("document", "restored"): _l("Document %(name)s restored"),
    ("payment", "created"): _l("Payment %(amount)s recorded"),
    ("payment", "deleted"): _l("A payment was taken back"),
    ("payment", "restored"): _l("A payment was put back"),
    ("note", "restored"): _l("Note restored"),
}

# What became of a quote, by the action.
QUOTES: dict[str, Any] = {
    "quote.send": _l("Quote %(name)s sent"),
    "quote.withdraw": _l("Quote %(name)s withdrawn"),
    "quote.see": _l("The client opened the quote %(name)s"),
    "quote.accept": _l("%(who)s accepted the quote %(name)s"),
    "quote.decline": _l("The client declined the quote %(name)s: %(reason)s"),
    "quote.ask_again": _l("The client asks for a new quote instead of %(name)s"),
    "quote.expire": _l("Nobody answered the quote %(name)s in time"),
}

# What became of a run of a process, by the action.
RUNS: dict[str, Any] = {
    "process.started": _l("The process %(name)s began"),
    "process.done": _l("The process %(name)s came to its end"),
    "process.failed": _l("The process %(name)s cannot go on"),
    "process.cancelled": _l("The process %(name)s was ended"),
}

# What changed in a deal or task, on another card than its own.
CHANGED: dict[str, Any] = {
    "quote": _l("Quote %(name)s: %(changes)s"),
    "payment": _l("Payment: %(changes)s"),
    "deal": _l("Deal %(name)s: %(changes)s"),
    "task": _l("Task %(name)s: %(changes)s"),
}

FIELDS: dict[str, Any] = {
    "prefix": _l("Title before the name"),
    "suffix": _l("Title behind the name"),
    "first_name": _l("First name"),
    "last_name": _l("Last name"),
    "name": _p("deal", "Name"),
    "position": _l("Position"),
    "about": _l("About"),
    "source": _l("Came from"),
    "emails": _l("E-mail"),
    "phones": _l("Phone"),
    "addresses": _l("Address"),
    "labels": _l("Labels"),
    "owner_id": _p("record", "Owner"),
    "assignee_id": _l("Assignee"),
    "company_id": _l("Company"),
    "contact_id": _l("Contact"),
    "pipeline_id": _l("Pipeline"),
    "stage_id": _l("Stage"),
    "reg_no": _l("Registration number"),
    "vat_no": _l("VAT number"),
    "website": _l("Website"),
    "items": _l("Price"),
    "amount": _l("Amount"),
    "currency": _l("Currency"),
    "probability": _l("Probability"),
    "expected_close": _l("Expected close"),
    "lost_reason": _l("Reason"),
    "due_on": _l("Due"),
    "due_at": _l("Due"),
    "tell_id": _l("Told if it is late"),
    "tell_at": _l("Told if not done by"),
}

NAMED: dict[str, type[Record]] = {
    "owner_id": Member,
    "assignee_id": Member,
    "tell_id": Member,
    "tell": Member,
    "sent_to": Member,
    "company_id": Company,
    "contact_id": Contact,
    "pipeline_id": Pipeline,
    "stage_id": Stage,
}

# Why somebody is away.
AWAY: dict[str, Any] = {
    "ill": _l("ill until %(day)s"),
    "holiday": _l("on holiday until %(day)s"),
    "other": _l("away until %(day)s"),
    "left": _l("left"),
}
TAKEOVERS = ("absence.take_over", "absence.give_back")

Sentence = tuple[Markup | None, str]


@dataclass(frozen=True)
class Names:
    """The names of what events mention by id, the zone their hours are told in, of takeovers their absence, by the mark
    of its events, and the business's own fields, by kind of record and key."""

    zone: ZoneInfo
    by_id: dict[str, str]
    runs: dict[str, str]
    absences: dict[str, tuple[str, date | None]]
    fields: dict[tuple[str, str], Field]

    def doer(self, event: Row[Any]) -> str | None:
        """Who did it: the process, where one did, rather than whoever published it."""
        if event.via == "process":
            return self.runs.get(event.request_id)
        who = self.by_id.get(str(event.member_id))
        return _("%(who)s, by API", who=who) if who and event.via == "api" else who

    def of(self, record_id: Any) -> str:
        given = str(record_id)
        return self.by_id.get(given) or (str(_("somewhere else")) if as_uuid(given) else given)


def names_in(actor: Actor, events: Sequence[Row[Any]]) -> Names:
    """One query for each kind of record mentioned. What the actor may not see stays unnamed."""
    wanted: dict[type[Record], set[str]] = {}
    for event in events:
        if event.member_id:
            wanted.setdefault(Member, set()).add(str(event.member_id))
        for values in (event.before, event.after):
            for field in values.keys() & NAMED.keys():
                if as_uuid(str(values[field])):  # a quote is sent to an address
                    wanted.setdefault(NAMED[field], set()).add(values[field])
    names: dict[str, str] = {}
    for model, ids in wanted.items():
        named: Any = model
        query = select(named.id, named.name).where(named.id.in_(ids), actor.reach(model))
        names.update((str(row.id), row.name) for row in actor.db.execute(query))
    runs = names_of_runs(actor.db, {event.request_id for event in events if event.via == "process"})
    return Names(zone_of(actor), names, runs, absences_in(actor, events), fields_in(actor, events))


def absences_in(actor: Actor, events: Sequence[Row[Any]]) -> dict[str, tuple[str, date | None]]:
    """Why somebody was away: who sees the record may know."""
    marks = {event.request_id for event in events if event.action in TAKEOVERS}
    ids = [found for mark in marks if (found := as_uuid(mark.removeprefix("absence-")))]
    query = select(Absence.id, Absence.reason, Absence.ends_on).where(Absence.id.in_(ids))
    rows = actor.db.execute(query) if ids else ()
    return {f"absence-{row.id}": (row.reason, row.ends_on) for row in rows}


def fields_in(actor: Actor, events: Sequence[Row[Any]]) -> dict[tuple[str, str], Field]:
    """The business's own fields of what changed, though they be removed by now."""
    if not any("custom" in event.after for event in events):
        return {}
    return {(field.record_kind, field.key): field for field in actor.db.scalars(select(Field))}


def sentence(event: Row[Any], names: Names, subject_id: UUID) -> Sentence:
    """The event as a line, with its sign (created, changed, moved ...); None where nothing is worth telling."""
    if event.action in QUOTES:
        return quote_line(event, names)
    if event.action in RUNS:
        return run_line(event, names)
    own = event.record_id == subject_id
    title = "" if own else event.title
    if event.kind == "request" and event.change == "changed" and event.action not in TAKEOVERS:
        line, sign = request_line(event, names), "given" if "assignee_id" in event.after else "changed"
    elif event.change == "changed":
        line, sign = change_line(event, names, title)
    else:
        line, sign = whole_line(event, names, title)
    if line is None:
        return None, ""
    who = names.doer(event)
    return (Markup("{} · {}").format(line, who) if who else line), sign


def quote_line(event: Row[Any], names: Names) -> Sentence:
    """Sent again, nothing of it changes but whom it goes to; that is told as well."""
    said = {"name": event.title, "who": event.after.get("answered_by") or _("The client")}
    line = highlight(str(QUOTES[event.action]), said, reason=cut(event.after.get("reason") or ""))
    who = names.doer(event)
    return (Markup("{} · {}").format(line, who) if who else line), event.action


def run_line(event: Row[Any], names: Names) -> Sentence:
    """With why it was ended, where that was not somebody's wish."""
    line = highlight(str(RUNS[event.action]), {"name": event.after.get("process") or event.title})
    if event.after.get("why"):
        line = Markup("{}. {}").format(line, event.after["why"])
    who = names.by_id.get(str(event.member_id))
    return (Markup("{} · {}").format(line, who) if who else line), event.action


def whole_line(event: Row[Any], names: Names, title: str) -> Sentence:
    if event.action == "task.late":
        return late_line(event, names, title), "late"
    if event.action == "report.job":
        return highlight(_("The report of the job went to %(who)s"), {"who": names.of(event.after["sent_to"])}), "sent"
    if event.action == "request.late":
        told = event.after.get("tell")
        line = _("Not contacted in time; %(who)s was told") if told else _("Not contacted in time")
        return highlight(line, {"who": names.of(told)} if told else {}), "late"
    change = "imported" if event.change == "created" and event.via == "import" else event.change
    due = due_text(event.after, names.zone) if (event.kind, change) == ("task", "created") else ""
    text = WHOLE.get((event.kind, "due" if due else change))
    if text is None:
        return None, ""
    named = {"name": event.title if event.kind in ("quote", "document") else title, "due": due}
    if event.kind == "payment" and "amount" in event.after:
        amount = priced(str(format_decimal(Decimal(event.after["amount"]))), event.after["currency"])
        return highlight(str(text), {**named, "amount": amount}), change
    return highlight(str(text), named), change


def late_line(event: Row[Any], names: Names, title: str) -> Markup:
    told = event.after.get("tell")
    if not told:
        return highlight(_("Task %(name)s was not done in time"), {"name": title})
    return highlight(_("Task %(name)s was not done in time; %(who)s was told"), {"name": title, "who": names.of(told)})


def takeover_line(event: Row[Any], names: Names, title: str) -> Sentence:
    """ "Jana took over from Petr (ill until 3 Dec)"; of a deal or task on its client's card, with its name."""
    holder = "assignee_id" if "assignee_id" in event.after else "owner_id"
    who = {"name": names.of(event.after.get(holder)), "other": names.of(event.before.get(holder))}
    if event.action == "absence.give_back":
        line = highlight(_("%(name)s has it back from %(other)s"), who)
    else:
        line = highlight(_("%(name)s took over from %(other)s"), who)
        absence = names.absences.get(event.request_id)
        if absence:
            line = Markup("{} ({})").format(line, why_away(*absence))
    return (Markup("<b>{}</b>: {}").format(title, line) if title else line), "given"


def why_away(reason: str, until: date | None) -> str:
    """ "ill until 3 Dec", "left"."""
    return str(AWAY[reason]) % {"day": day(until)}


def change_line(event: Row[Any], names: Names, title: str) -> Sentence:
    after, before = event.after, event.before
    if event.action in TAKEOVERS:
        return takeover_line(event, names, title)
    if event.kind == "deal" and "status" in after:
        reason = cut(after.get("lost_reason") or "")
        text = str(WHOLE["deal", "lost because" if reason else after["status"]])
        return highlight(text, {"name": title}, reason=reason), after["status"]
    if event.kind == "deal" and "stage_id" in after:
        moved = {"name": title, "before": names.of(before["stage_id"]), "after": names.of(after["stage_id"])}
        return highlight(_("Deal %(name)s moved from %(before)s to %(after)s"), moved), "moved"
    if event.kind == "task" and "done_at" in after:
        done = "done" if after["done_at"] else "open"
        return highlight(str(WHOLE["task", done]), {"name": title}), done
    lines = [difference(field, before.get(field), after.get(field), names) for field in told_fields(after)]
    lines += own_differences(event, names)
    if not lines:
        return None, ""
    line = Markup("; ").join(lines)
    if title:
        line = highlight(str(CHANGED[event.kind]), {"name": title}, changes=line)
    return line, "given" if set(after) <= {"owner_id", "assignee_id"} else "changed"


def request_line(event: Row[Any], names: Names) -> Markup | None:
    """What became of what the client asked for."""
    after = event.after
    if after.get("state") in ("closed", "spam"):
        said = _("Request closed: %(reason)s") if after.get("reason") else _("Request marked as spam")
        return highlight(said, {"reason": cut(after.get("reason") or "")} if after.get("reason") else {})
    if after.get("state") == "converted" and "first_contact_at" not in after:
        return highlight(_("Request converted"), {})
    if after.get("first_contact_at"):
        return highlight(_("First contact after the request"), {})
    if after.get("assignee_id"):
        return highlight(_("Request given to %(name)s"), {"name": names.of(after["assignee_id"])})
    return None


def told_fields(after: dict[str, Any]) -> list[str]:
    """A day with an hour changes in two columns; it is told once."""
    return [
        field
        for field in FIELDS
        if field in after and not (field == "due_on" and "due_at" in after and after["due_at"])
    ]


def difference(field: str, before: Any, after: Any, names: Names) -> Markup:
    if field == "labels":
        gone, come = (sorted(set(a or []) - set(b or [])) for a, b in ((before, after), (after, before)))
        parts = [highlight(_("Label %(name)s added"), {"name": name}) for name in come]
        parts += [highlight(_("Label %(name)s removed"), {"name": name}) for name in gone]
        return Markup("; ").join(parts)
    return told(str(FIELDS[field]), shown(field, before, names), shown(field, after, names))


def own_differences(event: Row[Any], names: Names) -> list[Markup]:
    """What changed in the business's own fields."""
    before, after = event.before.get("custom") or {}, event.after.get("custom") or {}
    return [
        told(field.label, *(cut(said_of(field, values.get(key))) for values in (before, after)))
        for (kind, key), field in names.fields.items()
        if kind == event.kind and "custom" in event.after and before.get(key) != after.get(key)
    ]


def told(name: str, was: str, now: str) -> Markup:
    """A field that changed from one value to another; "" is none."""
    values = {"before": was, "after": now}
    if was and now:
        return highlight(_("%(field)s changed from %(before)s to %(after)s"), values, field=name)
    if now:
        return highlight(_("%(field)s: %(after)s"), values, field=name)
    return highlight(_("%(field)s removed, it was %(before)s"), values, field=name)


def shown(field: str, value: Any, names: Names) -> str:
    """A value of an event, which is JSON, as people read it; "" for none."""
    if value in (None, "", [], {}):
        return ""
    if field in NAMED:
        return names.of(value)
    write = WRITTEN.get(field)
    return write(value, names.zone) if write else cut(str(value))


def due_text(values: dict[str, Any], zone: ZoneInfo) -> str:
    """ "tomorrow 09:30", "Fri", or "" where no day is given."""
    if values.get("due_at"):
        local = datetime.fromisoformat(values["due_at"]).astimezone(zone)
        return f"{day(local.date())} {local:%H:%M}"
    return day(date.fromisoformat(values["due_on"])) if values.get("due_on") else ""


def cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


# How the values of some fields are written; all others are texts.
WRITTEN: dict[str, Callable[[Any, ZoneInfo], str]] = {
    "emails": lambda emails, _zone: cut(", ".join(email["address"] for email in emails)),
    "phones": lambda phones, _zone: cut(", ".join(shown_phone(phone["number"]) for phone in phones)),
    "addresses": lambda addresses, _zone: cut("; ".join(map(address_line, addresses))),
    "items": lambda items, _zone: ngettext("%(num)s item", "%(num)s items", len(items)),
    "amount": lambda amount, _zone: str(format_decimal(Decimal(amount))),
    "probability": lambda percent, _zone: f"{percent} %",
    "expected_close": lambda text, _zone: day(date.fromisoformat(text)),
    "due_on": lambda text, zone: due_text({"due_on": text}, zone),
    "due_at": lambda text, zone: due_text({"due_at": text}, zone),
    "tell_at": lambda text, zone: due_text({"due_at": text}, zone),
}
