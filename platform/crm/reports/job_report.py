"""The report of a finished job: asked for by a process (or by hand) when a deal is at its end, mailed as a PDF.

    <okno:action name="report.job">
      <okno:arg name="deal_id" value="deal.id"/><okno:arg name="head" value="'Sales'"/>
    </okno:action>

Everyone it goes to gets one of their own: in their language and zone, and with what they may see.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from flask_babel import gettext as _
from flask_babel import ngettext, pgettext
from pydantic import Field
from sqlalchemy import or_, select

from core import mail
from core.actions import Input, action
from core.actor import Actor
from core.errors import Invalid
from core.events import note
from core.ids import new_id
from core.jobs import Place, job, later
from core.letters import Item, Letter
from core.mail import Attached
from core.pages import number
from crm.deals.models import Deal
from crm.notifications import choices
from crm.notifications.kinds import MAIL
from crm.notifications.letters import envelope, post, reading, url
from crm.processes.people import ACTIVE, named
from crm.quotes.paper import cents, price
from crm.reports import paper
from crm.reports.job_facts import Deed, Job, Passed, job_of
from crm.reports.paper import Fact, Report, Row, Table
from tenants.members import NotAMember, asked_of
from tenants.models import Member

KIND = "job_report"  # of crm.notifications.kinds: whoever wants none says so there

Named = Annotated[str, Field(max_length=200)]


class JobReport(Input):
    """To whom: all who have a role, who leads a department, a member. Each by its identifier or by what people call it,
    a member by their e-mail."""

    deal_id: UUID
    role: Named = ""
    head: Annotated[Named, Field(description="Of this department.")] = ""
    member: Named = ""


@action("report.job", right=("deal", "view"))
def report(actor: Actor, data: JobReport) -> Deal:
    """Mail the report to those of them who may see the deal. Raises Invalid where there is nobody."""
    deal = actor.find(Deal, data.deal_id)
    whom = [named(name, given) for name in ("role", "head", "member") if (given := getattr(data, name))]
    if not whom:
        raise Invalid(("role", _("Say to whom: a role, the head of a department, or a member.")))
    asked = actor.db.scalars(select(Member.id).where(ACTIVE, or_(*whom))).all()
    readers = [one for one in asked_of(actor.db, actor.workspace, asked).values() if one.may("deal", "view", deal)]
    if not readers:
        raise Invalid(("role", _("Nobody of these works here and may see the deal.")))
    ended = (deal.closed_at or datetime.now(UTC)).isoformat()
    for reader in readers:
        note(actor, "report.job", "deal", deal.id, deal.title(), after={"sent_to": reader.member.id})
        later(actor.db, "report.job", deal_id=deal.id, member_id=reader.member.id, key=new_id(), ended=ended)
    return deal


@job("report.job", mail.PAUSES)
def send(place: Place, deal_id: str, member_id: str, key: str, ended: str) -> None:
    """With the rights of now: who may not see the deal any more gets nothing."""
    at = datetime.fromisoformat(ended)
    try:
        with reading(place, member_id) as actor:
            deal = actor.db.scalar(actor.visible(Deal).where(Deal.id == UUID(deal_id)))
            if deal is None or MAIL not in choices.of_actor(actor).channels(KIND):
                return
            found = job_of(actor, deal, at)
            data = paper.dressed(actor, on_paper(actor, found), at)
            sealed = envelope(place, actor, letter(actor, found), UUID(key), {KIND})
            name = f"{pgettext('file', 'report')}-{deal.name[:60]}.pdf"
    except NotAMember:
        return
    if sealed:
        post(place, sealed, (Attached(name, "application", "pdf", paper.printed(data, at)),))


def letter(actor: Actor, found: Job) -> Letter:
    """The main things in the mail itself; the rest is in the PDF."""
    lines = [f"{fact.name}: {fact.value}{f' ({fact.more})' if fact.more else ''}" for fact in facts(actor, found)]
    late = [f"{deed.what}{f', {deed.who}' if deed.who else ''}" for deed in found.deeds if deed.late]
    title = _("Job done: %(name)s", name=found.deal.name)
    sections = [("", tuple(Item(line) for line in lines))]
    if late:
        sections.append((_("Late"), tuple(Item(line) for line in late[:10])))
    return Letter(
        title, (), _("Open the deal"), url(actor, f"/deals/{found.deal.id}"), sections=tuple(sections), heading=title
    )  # fmt: skip


def on_paper(actor: Actor, found: Job) -> Report:
    client = ", ".join(found.client) or _("no client")
    return Report(
        _("Job done: %(name)s", name=found.deal.name),
        client,
        facts(actor, found),
        [sold(found), stages(found), deeds(actor, found.deeds), steps(actor, found.steps)],
    )


def facts(actor: Actor, found: Job) -> list[Fact]:
    deal, late = found.deal, sum(deed.late for deed in found.deeds)
    begun = paper.moment(actor, found.began)
    lasted = Fact(_("From request to end"), paper.took(found.ended - found.began), _("since %(when)s", when=begun))
    tasks = Fact(
        _("Late"), ngettext("%(num)s task", "%(num)s tasks", late) if late else _("nothing"), "", bool(late)
    )  # fmt: skip
    whose = Fact(pgettext("record", "Owner"), found.owner or _("nobody"))
    return [*money(found, deal.currency), lasted, *contact(found), tasks, whose]


def money(found: Job, currency: str) -> list[Fact]:
    """Nothing of it to whom amounts are hidden: they read as nothing."""
    if found.due is None:
        return []
    paid = found.paid.amounts.get(currency, Decimal())
    net = found.deal.amount
    without = _("%(price)s without VAT", price=price(net, currency)) if net not in (None, found.due) else ""
    left = found.due - paid
    others = [price(amount, code) for code, amount in sorted(found.paid.amounts.items()) if code != currency]
    missing = _("%(price)s is missing", price=price(left, currency)) if left > 0 else _("all of it")
    return [
        Fact(_("Amount"), price(found.due, currency), without),
        Fact(_("Paid"), " + ".join([price(paid, currency), *others]), missing, left > 0),
    ]


def contact(found: Job) -> list[Fact]:
    first = found.first
    if first is None or first.at is None:
        return []
    if first.by is None:
        kept = ""
    elif first.late:
        kept = _("%(time)s late", time=paper.took(first.at - first.by))
    else:
        kept = _("in time")
    return [Fact(_("First contact after"), paper.took(first.at - first.asked), kept, first.late)]


def sold(found: Job) -> Table:
    rows = [Row(sold_texts(item, net)) for item, net in zip(found.items, found.sums.lines, strict=True)]
    columns = (_("Item"), _("Quantity"), _("Price of one"), _("Without VAT"))
    return Table(_("What was sold"), columns, rows, 3, found.deal.currency)


def sold_texts(item: Mapping[str, Any], net: Decimal) -> tuple[str, ...]:
    quantity = f"{number(item['quantity'])} {item['unit']}".strip()
    return item["name"], quantity, cents(Decimal(item["unit_price"])), cents(net)


def stages(found: Job) -> Table:
    shares = paper.bars([time.total_seconds() for _name, time in found.stages])
    rows = [Row((name, paper.took(time)), bar) for (name, time), bar in zip(found.stages, shares, strict=True)]
    return Table(_("Time in each stage"), (_("Stage"), _("Time")), rows, 1)


def deeds(actor: Actor, found: list[Deed]) -> Table:
    rows = [
        Row((deed.what, deed.who, paper.moment(actor, deed.due), done(actor, deed)), late=deed.late) for deed in found
    ]
    return Table(_("Who did what"), (_("What"), _("Who"), _("Due"), pgettext("task", "Done")), rows)


def done(actor: Actor, deed: Deed) -> str:
    said = paper.moment(actor, deed.at) if deed.at else _("not done")
    return _("%(when)s, late", when=said) if deed.late else said


def steps(actor: Actor, found: list[Passed]) -> Table:
    rows = [
        Row(
            (step.name, step.process, step.who, paper.moment(actor, step.began),
             paper.took(step.done - step.began) if step.done else _("not done")),
            late=step.late,
        )
        for step in found
    ]  # fmt: skip
    return Table(_("Steps of the process"), (_("Step"), _("Process"), _("Who"), _("Began"), _("Took")), rows, 1)
