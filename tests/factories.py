"""One record of each kind, made as the product makes it. The security tests fail for a kind that is not here."""

import io
from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from core import files, waiting
from core.actions import Action
from core.actor import Actor
from core.db import database
from core.ids import new_id
from core.records import Record
from crm.absences import actions as absences
from crm.absences.models import Absence
from crm.absences.plan import today_in
from crm.calls import actions as calls
from crm.calls.models import Call
from crm.companies import actions as companies
from crm.contacts import actions as contacts
from crm.deals import actions as deals
from crm.deals import pipelines, pricing
from crm.deals.models import Stage
from crm.documents import actions as documents
from crm.documents import making
from crm.exports import actions as exports
from crm.fields import actions as fields
from crm.forms import actions as forms
from crm.imports import actions as imports
from crm.imports.models import Import
from crm.mails import actions as mails
from crm.notifications.models import Notification
from crm.payments import actions as payments
from crm.payments import tills
from crm.processes import actions as processes
from crm.processes.models import Instance, Process
from crm.products import actions as products
from crm.quotes import actions as quotes
from crm.requests import actions as requests
from crm.requests.models import RequestFile
from crm.tasks import actions as tasks
from crm.timeline import actions as notes
from tenants import arrivals, departments, invitations, provisioning, roles, shares, tokens
from tenants.backups.models import Backup, Restore
from tenants.models import Invitation, Member, Role, Share
from tenants.sign_on_models import Connection, Domain, Link
from tests.crm.documents.words import written
from tests.crm.processes import drawing

Factory = Callable[[Actor, str], Record]


def by(action: Action[Any, Any], **values: Any) -> Factory:
    """Through an action. "{mark}" in a text becomes the words by which a test recognises the record."""

    def make(actor: Actor, mark: str) -> Record:
        made = action(actor, action.parse({name: marked(value, mark) for name, value in values.items()}))
        assert isinstance(made, Record)
        return made

    return make


def marked(value: Any, mark: str) -> Any:
    return value.replace("{mark}", mark) if isinstance(value, str) else value


def member(actor: Actor, mark: str) -> Member:
    """A colleague of the actor, with the actor's own role."""
    role_id = select(Member.role_id).where(Member.id == actor.member.id).scalar_subquery()
    made = Member(
        identity_id=new_id(),
        name=mark,
        email=f"{new_id()}@example.com",
        role_id=role_id,
        language="en",
        time_zone="UTC",
    )
    actor.db.add(made)
    actor.db.commit()
    return made


def note(actor: Actor, mark: str) -> Record:
    contact = FACTORIES["contact"](actor, mark)
    return by(notes.create, text="Said by {mark}", contact_id=contact.id)(actor, mark)


def stage(actor: Actor, mark: str) -> Stage:
    pipeline = FACTORIES["pipeline"](actor, mark)
    return actor.db.scalars(select(Stage).where(Stage.pipeline_id == pipeline.id)).one()


def imported(actor: Actor, mark: str) -> Import:
    return imports.receive(
        actor, io.BytesIO(f"Name;Phone\n{mark};602 114 873\n".encode()), f"{mark}.csv", imports.Choices()
    )


def absence(actor: Actor, mark: str) -> Absence:
    today = today_in(actor.workspace.time_zone)
    said = {"member_id": member(actor, mark).id, "reason": "ill", "starts_on": today, "ends_on": today}
    return absences.create(actor, absences.create.parse({**said, "takers": {"all": [actor.member.id]}}))


def invitation(actor: Actor, mark: str) -> Invitation:
    role_id = actor.db.scalars(select(Role.id).where(Role.key == "reader")).one()
    (made,) = invitations.invite(
        actor, invitations.invite.parse({"emails": [f"{new_id().hex}@example.com"], "role_id": role_id})
    )
    return made


def share(actor: Actor, mark: str) -> Share:
    contact, team = FACTORIES["contact"](actor, mark), FACTORIES["team"](actor, mark)
    return shares.share(actor, shares.share.parse({"kind": "contact", "record_id": contact.id, "team_id": team.id}))


def connection(actor: Actor, mark: str) -> Connection:
    """As if its provider had answered, which the settings page asks for. A workspace has one at a time."""
    known = arrivals.present(actor.db)
    if known:
        return known
    made = Connection(issuer="https://login.example.com", client_id="okno", secret=b"sealed", button=mark[:40])
    actor.db.add(made)
    actor.db.commit()
    return made


def domain(actor: Actor, mark: str) -> Domain:
    made = Domain(name=f"{new_id().hex}.example.com", code=mark)
    actor.db.add(made)
    actor.db.commit()
    return made


def link(actor: Actor, mark: str) -> Link:
    provider, somebody = connection(actor, mark), member(actor, mark)
    made = Link(connection_id=provider.id, issuer=provider.issuer, subject=mark, member_id=somebody.id)
    actor.db.add(made)
    actor.db.commit()
    return made


def scim_token(actor: Actor, mark: str) -> Record:
    return provisioning.create_token(actor, provisioning.NewToken(name=mark))[0]


def quote(actor: Actor, mark: str) -> Record:
    deal = FACTORIES["deal"](actor, mark)
    items = [{"name": f"Window {mark}", "unit_price": "27820", "vat_rate": "21"}]
    pricing.price(actor, pricing.price.parse({"id": deal.id, "items": items}))
    return by(quotes.create, deal_id=deal.id, note="For {mark}")(actor, mark)


def payment(actor: Actor, mark: str) -> Record:
    deal = FACTORIES["deal"](actor, mark)
    return by(payments.receive, deal_id=deal.id, amount="1000", note="From {mark}")(actor, mark)


def letterhead(actor: Actor, mark: str) -> Record:
    """A workspace has one at most."""
    return by(documents.change, name="{mark}")(actor, mark)


def process(actor: Actor, mark: str) -> Process:
    """Published, so that it can run."""
    made = processes.create(actor, processes.create.parse({"xml": DRAWN, "name": mark}))
    return processes.publish(actor, processes.OneProcess(id=made.id))


def instance(actor: Actor, mark: str) -> Instance:
    deal = FACTORIES["deal"](actor, mark)
    return processes.start(actor, processes.Start(process_id=process(actor, mark).id, record_id=deal.id))


DRAWN = drawing.process(drawing.start(), drawing.user("call", name="Zavolat"), drawing.end(), "start -> call -> end")


def telephone(actor: Actor, mark: str) -> Record:
    """One of each provider at a time."""
    wish = calls.NewTelephone(provider="twilio", token=mark)
    return calls.present(actor, "twilio") or calls.connect(actor, wish)[0]


def call(actor: Actor, mark: str) -> Record:
    """As the telephone tells of one: of somebody unknown, who rings at the actor's line."""
    made = Call(
        id=new_id(), provider="generic", provider_id=mark + new_id().hex, direction="in", from_number=mark,
        began_at=func.now(), member_id=actor.member.id, shown_to=[actor.member.id],
    )  # fmt: skip
    actor.db.add(made)
    actor.db.commit()
    return made


def mail(actor: Actor, mark: str) -> Record:
    contact = FACTORIES["contact"](actor, mark)
    wish = {"to": "jan@example.com", "subject": mark, "body": f"Dear {mark}", "contact_id": contact.id}
    return mails.send(actor, mails.send.parse(wish))


def token(actor: Actor, mark: str) -> Record:
    return tokens.create(actor, tokens.NewToken(name=mark))[0]


def document_template(actor: Actor, mark: str) -> Record:
    return making.add_template(actor, making.NewDocumentTemplate(name=mark, content=written("{{ deal.name }}")))


def document(actor: Actor, mark: str) -> Record:
    deal, template = FACTORIES["deal"](actor, mark), document_template(actor, f"{mark} {new_id()}")
    return by(making.create, deal_id=deal.id, template=str(template.id), name="{mark}")(actor, mark)


FACTORIES: dict[str, Factory] = {
    "company": by(companies.create, name="{mark} s.r.o."),
    "contact": by(contacts.create, first_name="Jan", last_name="{mark}"),
    "pipeline": by(pipelines.create, name="{mark}", stages=[{"name": "New", "probability": 10}]),
    "deal": by(deals.create, name="Windows {mark}"),
    "quote": quote,
    "document_template": document_template,
    "document": document,
    "payment": payment,
    "letterhead": letterhead,
    "till": by(tills.change, mode="off"),
    "product": by(products.create, name="Window {mark}", price="27820", vat_rate="21"),
    "task": by(tasks.create, name="Call {mark}", due_on="2026-12-01"),
    "note": note,
    "field": by(fields.create, record_kind="contact", label="{mark}", type="text"),
    "form": by(forms.create, name="{mark}", fields=[{"kind": "name"}, {"kind": "email"}]),
    "request": by(requests.create, name="{mark}", text="Six windows"),
    "stage": stage,
    "member": member,
    "import": imported,
    "token": token,
    "role": by(roles.create, name="{mark}", matrix={}),
    "department": by(departments.create, name="{mark}"),
    "team": by(departments.create_team, name="{mark}"),
    "invitation": invitation,
    "share": share,
    "absence": absence,
    "connection": connection,
    "domain": domain,
    "link": link,
    "scim_token": scim_token,
    "telephone": telephone,
    "call": call,
    "mail": mail,
    "mail_template": by(mails.create_template, name="{mark}", body="Dear {{first name}}"),
    "export": by(exports.create, what="contacts", q="{mark}"),
    "process": process,
    "instance": instance,
}


def waits(actor: Actor, mark: str) -> UUID:
    """A contact that waits for room."""
    row_id = new_id()
    waiting.keep(actor, "contact.create", row_id, {"id": row_id, "first_name": "Jan", "last_name": mark}, f"Jan {mark}")
    return row_id


def sent_file(actor: Actor, request_id: UUID, mark: str) -> UUID:
    """A file that a client sent along."""
    stored = files.put(actor.workspace, io.BytesIO(b"%PDF-1.7"))
    kept = RequestFile(request_id=request_id, file_key=stored.key, name=mark, type="application/pdf", size=stored.size)
    actor.db.add(kept)
    actor.db.commit()
    return kept.id


def told(actor: Actor, mark: str) -> UUID:
    """A line of what the actor was told."""
    line = Notification(member_id=actor.member.id, kind="new_device", event_id=new_id(), title=mark)
    actor.db.add(line)
    actor.db.commit()
    return line.id


def backup(actor: Actor) -> dict[str, UUID]:
    """A backup whose file is not there, and a restore from it, by kind: rows of the shared tables."""
    with database().controlling() as control:
        made = Backup(id=new_id(), workspace_id=actor.workspace.id, kind="by hand", state="failed", error="for a test")
        control.add(made)
        control.flush()
        restore = Restore(
            id=new_id(), workspace_id=actor.workspace.id, backup_id=made.id, identity_id=actor.member.identity_id,
            in_place=False, slug="never", name="never", state="failed",
        )  # fmt: skip
        control.add(restore)
    return {"backup": made.id, "restore": restore.id}


def one_of_each(actor: Actor, mark: str) -> dict[str, UUID]:
    """A record of each kind, by kind, one that waits to be, a line of what one was told, and a backup."""
    made = {kind: make(actor, mark).id for kind, make in FACTORIES.items()}
    made |= {"file": sent_file(actor, made["request"], mark), "waiting": waits(actor, mark)}
    return {**made, "notification": told(actor, mark), **backup(actor)}
