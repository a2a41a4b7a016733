"""Writing mails, and their templates."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from flask_babel import gettext as _
from pydantic import Field
from sqlalchemy import func

from core.actions import Changes, Input, action, changes_of
from core.actor import Actor
from core.errors import Busy, Forbidden, Invalid, NotFound
from core.ids import new_id
from core.jobs import later
from core.limits import count
from core.people import EmailAddress
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Deal
from crm.mails.models import Mail, MailTemplate
from crm.mails.placeholders import by_keys, left_in, replaced, values

Subject = Annotated[str, Field(min_length=1, max_length=200)]
Body = Annotated[str, Field(min_length=1, max_length=50_000)]


class NewMail(Input):
    """To one address of the contact, about the deal if there is one. `answers` is the mail it is an answer to."""

    id: UUID | None = None
    contact_id: UUID | None = None
    deal_id: UUID | None = None
    answers_id: UUID | None = None
    to: EmailAddress
    subject: Subject
    body: Body


@action("mail.send", right=("mail", "create"))
def send(actor: Actor, data: NewMail) -> Mail:
    """Store it whole and hand it over by the job "mails.send"."""
    if not actor.confirmed:
        raise Forbidden(_("Confirm your e-mail address first."))
    known = actor.repeated(Mail, data.id)
    if known:
        return known
    check(actor, data)
    mail_id = data.id or new_id()
    mail = Mail(
        id=mail_id, thread_id=mail_id, direction="out", state="waiting", from_name=actor.member.name,
        from_address=actor.member.email, to_address=data.to, subject=data.subject, text=data.body,
        at=datetime.now(UTC), member_id=actor.member.id, contact_id=data.contact_id, deal_id=data.deal_id,
    )  # fmt: skip
    if data.answers_id:
        answered = actor.find(Mail, data.answers_id)
        mail.thread_id, mail.answers = answered.thread_id, answered.message_id
        mail.contact_id, mail.deal_id = answered.contact_id, answered.deal_id
    actor.db.add(mail)
    count(actor.db, "mails", 1)
    later(actor.db, "mails.send", mail_id=mail.id, by_hand=int(actor.via != "process"))
    return mail


class FromTemplate(Input):
    """A mail made of a template, by its name or its id, to the contact of the deal or the one given, at its first
    address."""

    contact_id: UUID | None = None
    deal_id: UUID | None = None
    template: Annotated[str, Field(max_length=100)] = ""
    template_id: UUID | None = None


@action("mail.send_template", right=("mail", "create"))
def send_template(actor: Actor, data: FromTemplate) -> Mail:
    """As `send`, without a person to look at it first: a placeholder of which nothing is known is left out. Raises
    Invalid for an unknown template or somebody without an address."""
    named = func.lower(MailTemplate.name) == data.template.lower()
    wanted = MailTemplate.id == data.template_id if data.template_id else named
    template = actor.db.scalar(actor.visible(MailTemplate).where(wanted))
    if template is None:
        raise Invalid(("template", _("There is no template %(name)s.", name=data.template)))
    actor.linked(Deal, data.deal_id, "deal_id")
    deal = actor.db.get(Deal, data.deal_id) if data.deal_id else None
    contact_id = data.contact_id or (deal.contact_id if deal else None)
    actor.linked(Contact, contact_id, "contact_id")
    contact = actor.db.get(Contact, contact_id) if contact_id else None
    if contact is None or not contact.emails:
        raise Invalid(("contact_id", _("There is no e-mail address to write to.")))
    company_id = (deal.company_id if deal else None) or contact.company_id
    company = actor.db.scalar(actor.visible(Company).where(Company.id == company_id)) if company_id else None
    known = values(actor, contact, deal, company)
    subject, body = (without_unknown(one, known) for one in (template.subject or template.name, template.body))
    return send(
        actor,
        NewMail(
            contact_id=contact.id, deal_id=data.deal_id, to=contact.emails[0]["address"], subject=subject, body=body
        ),
    )  # fmt: skip


def without_unknown(text: str, known: dict[str, str]) -> str:
    return replaced(text, lambda key: known.get(key, ""))


def check(actor: Actor, data: NewMail) -> None:
    """It is about somebody, and every placeholder was filled. Raises Invalid."""
    if not (data.contact_id or data.deal_id or data.answers_id):
        raise Invalid(("", _("Say to which contact, or about which deal, it is.")))
    actor.linked(Contact, data.contact_id, "contact_id")
    actor.linked(Deal, data.deal_id, "deal_id")
    for name in ("subject", "body"):
        left = left_in(getattr(data, name))
        if left:
            raise Invalid(
                (name, _("Fill in or take out: %(names)s", names=", ".join(f"{{{{{one}}}}}" for one in left)))
            )


class OneMail(Input):
    id: UUID


@action("mail.again", right=("mail", "create"))
def send_again(actor: Actor, data: OneMail) -> Mail:
    """What failed, once more. Raises Busy for any other."""
    mail: Mail | None = actor.db.scalar(actor.visible(Mail).where(Mail.id == data.id).with_for_update(of=Mail))
    if mail is None:
        raise NotFound()
    if mail.state != "failed":
        raise Busy(_("Only a mail that failed is sent again."))
    mail.state, mail.error = "waiting", ""
    later(actor.db, "mails.send", mail_id=mail.id)
    return mail


class TemplateFields(Input):
    id: UUID | None = None
    name: Annotated[str, Field(min_length=1, max_length=100)]
    subject: Annotated[str, Field(max_length=200)] = ""
    body: Annotated[str, Field(min_length=1, max_length=50_000)]


class NewTemplate(TemplateFields):
    pass


ChangedTemplate = changes_of(TemplateFields, "ChangedTemplate")


@action("mail_template.create")
def create_template(actor: Actor, data: NewTemplate) -> MailTemplate:
    known = actor.repeated(MailTemplate, data.id)
    if known:
        return known
    template = MailTemplate(**kept(actor, data.model_dump(exclude_none=True)))
    actor.db.add(template)
    return template


@action("mail_template.edit", takes=ChangedTemplate)
def change_template(actor: Actor, data: Changes) -> MailTemplate:
    template = actor.take(MailTemplate, data.id, "edit", data.version)
    for name, value in kept(actor, data.given()).items():
        setattr(template, name, value)
    return template


class OneTemplate(Input):
    id: UUID
    version: int | None = None


@action("mail_template.delete")
def delete_template(actor: Actor, data: OneTemplate) -> MailTemplate:
    """Into the bin, from which `restore_template` brings it back."""
    template = actor.take(MailTemplate, data.id, "delete", data.version)
    template.deleted_at = datetime.now(UTC)
    return template


@action("mail_template.restore", right=("mail_template", "delete"))
def restore_template(actor: Actor, data: OneTemplate) -> MailTemplate:
    template = actor.take(MailTemplate, data.id, "delete", deleted=True)
    template.deleted_at = None
    return template


def kept(actor: Actor, given: dict[str, Any]) -> dict[str, Any]:
    """The fields as a template keeps them."""
    return {
        name: by_keys(actor, value, name) if name in ("subject", "body") else value for name, value in given.items()
    }


def templates(actor: Actor) -> list[MailTemplate]:
    return list(actor.db.scalars(actor.visible(MailTemplate).order_by(MailTemplate.name, MailTemplate.id)))


def thread(actor: Actor, mail: Mail) -> list[Mail]:
    """All mails of the thread that the actor may see, the oldest first."""
    return list(
        actor.db.scalars(actor.visible(Mail).where(Mail.thread_id == mail.thread_id).order_by(Mail.at, Mail.id))
    )
