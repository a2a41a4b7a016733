"""Pages of mails: writing one, the thread, what it is made of; and Settings, Mail templates."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from uuid import UUID

from flask import Response, flash, g, make_response, request, send_file, url_for
from flask_babel import gettext as _
from sqlalchemy import select

from core import files
from core.actor import Actor
from core.db import as_uuid
from core.errors import Invalid, NotFound
from core.ids import new_id
from core.pages import Answer, Pages, blank_to_none, came_from, form_values, refused, render, say, see
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Deal
from crm.mails import actions
from crm.mails.models import Mail, MailFile, MailTemplate
from crm.mails.placeholders import filled, in_words, offered, values
from crm.mails.reading import cleaned

pages = Pages("mails", __name__)

FORM, TEMPLATE = "mails/form.html", "mails/template.html"
# Somebody else's page: of no origin, it runs nothing and loads nothing but, if asked, pictures.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src {pictures}; frame-ancestors 'self'"
)


@dataclass(frozen=True)
class About:
    """Whom and what a mail is about, as far as its writer may see it."""

    contact: Contact | None
    deal: Deal | None
    company: Company | None

    @property
    def addresses(self) -> list[str]:
        return [one["address"] for one in self.contact.emails] if self.contact else []

    @property
    def choices(self) -> list[tuple[str, str]]:
        return [(address, address) for address in self.addresses]


def about(actor: Actor, given: Any) -> About:
    deal = one_of(actor, Deal, given.get("deal_id"))
    contact = one_of(actor, Contact, given.get("contact_id") or (deal.contact_id if deal else None))
    company = one_of(actor, Company, (deal.company_id if deal else None) or (contact.company_id if contact else None))
    return About(contact, deal, company)


def one_of(actor: Actor, model: Any, record_id: Any) -> Any:
    known = as_uuid(str(record_id)) if record_id else None
    return actor.db.scalar(actor.visible(model).where(model.id == known)) if known else None


@pages.get("/mails/new")
def new(actor: Actor) -> Answer:
    actor.require(("mail", "create"))
    answered = one_of(actor, Mail, request.args.get("answers_id"))
    said = about(actor, {"contact_id": answered.contact_id, "deal_id": answered.deal_id} if answered else request.args)
    typed = {"id": str(new_id()), "to": said.addresses[0] if said.addresses else "", "subject": "", "body": ""}
    if answered:
        subject = answered.subject if answered.subject.lower().startswith("re:") else f"Re: {answered.subject}"
        typed |= {"answers_id": str(answered.id), "to": answered.from_address, "subject": subject}
    return render(actor, FORM, errors={}, **shown(actor, said, typed))


@pages.post("/mails/")
def send(actor: Actor) -> Answer:
    typed = form_values(request.form)
    said = about(actor, typed)
    template = one_of(actor, MailTemplate, typed.pop("template_id", None))
    if "fill" in typed:
        actor.require(("mail", "create"))
        if template is None:
            raise NotFound()
        subject, body, missing = with_data(actor, said, template)
        again = {**typed, "subject": subject or typed.get("subject", ""), "body": body}
        return render(actor, FORM, errors={}, **shown(actor, said, again, missing)), 422
    try:
        given = blank_to_none(typed, "id", "contact_id", "deal_id", "answers_id")
        mail = actions.send(actor, actions.send.parse(given))
    except Invalid as error:
        return refused(actor, FORM, error, **shown(actor, said, typed))
    say(_("The mail is on its way"))
    return see(came_from(url_for("mails.show", mail_id=mail.id)))


def with_data(actor: Actor, said: About, template: MailTemplate) -> tuple[str, str, list[str]]:
    """Subject and body with what is known, and the names of what is not."""
    known = values(actor, said.contact, said.deal, said.company)
    words = offered(actor)
    (subject, some), (body, more) = (filled(one, known, words) for one in (template.subject, template.body))
    return subject, body, list(dict.fromkeys([*some, *more]))


def shown(actor: Actor, said: About, typed: dict[str, Any], missing: Sequence[str] = ()) -> dict[str, Any]:
    return {
        "about": said,
        "typed": typed,
        "templates": [(one.id, one.name) for one in actions.templates(actor)],
        "missing": missing,
        "back": came_from(url_for("today.index")),
    }


@pages.get("/mails/<uuid:mail_id>")
def show(actor: Actor, mail_id: UUID) -> Answer:
    mail = actor.find(Mail, mail_id)
    thread = actions.thread(actor, mail)
    found = actor.db.scalars(select(MailFile).where(MailFile.mail_id.in_([one.id for one in thread])))
    named: dict[UUID, list[MailFile]] = {}
    for file in found:
        named.setdefault(file.mail_id, []).append(file)
    g.frame_src = "'self'"
    said = about(actor, {"contact_id": mail.contact_id, "deal_id": mail.deal_id})
    return render(actor, "mails/show.html", mail=mail, thread=thread, files=named, about=said)


@pages.get("/mails/<uuid:mail_id>/html")
def html(actor: Actor, mail_id: UUID) -> Response:
    """What the frame shows. Its pictures are asked of other hosts only with `?pictures=1`."""
    mail = actor.find(Mail, mail_id)
    pictures = request.args.get("pictures") == "1"
    head = "<!doctype html><meta charset=utf-8><meta name=referrer content=no-referrer><base target=_blank>"
    response = make_response(head + cleaned(mail.html, pictures=pictures))
    response.headers["Content-Security-Policy"] = MAIL_POLICY.format(pictures="https: data:" if pictures else "'none'")
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@pages.get("/mails/<uuid:mail_id>/files/<int:number>")
def file(actor: Actor, mail_id: UUID, number: int) -> Answer:
    """A file that came with it, to be kept and never to be shown in the page."""
    mail = actor.find(Mail, mail_id)
    query = select(MailFile).where(MailFile.mail_id == mail.id).order_by(MailFile.id).offset(number).limit(1)
    found = actor.db.scalar(query)
    if found is None:
        raise NotFound()
    try:
        with files.files().open(found.file_key) as content:
            kept = content.read()
    except FileNotFoundError:
        raise NotFound() from None
    return send_file(BytesIO(kept), "application/octet-stream", as_attachment=True, download_name=found.name)


@pages.post("/mails/<uuid:mail_id>/again")
def send_again(actor: Actor, mail_id: UUID) -> Answer:
    actions.send_again(actor, actions.OneMail(id=mail_id))
    return see(url_for("mails.show", mail_id=mail_id))


# Settings, Mail templates


@pages.get("/settings/mail-templates")
def templates(actor: Actor) -> Answer:
    actor.require(("mail_template", "view"))
    return render(actor, "mails/templates.html", templates=actions.templates(actor))


@pages.get("/settings/mail-templates/new")
def new_template(actor: Actor) -> Answer:
    actor.require(("mail_template", "create"))
    return render(actor, TEMPLATE, known=None, typed={"id": str(new_id())}, errors={}, words=words(actor))


@pages.post("/settings/mail-templates")
def create_template(actor: Actor) -> Answer:
    actor.require(("mail_template", "create"))
    typed = form_values(request.form)
    try:
        actions.create_template(actor, actions.create_template.parse(typed))
    except Invalid as error:
        return refused(actor, TEMPLATE, error, known=None, typed=typed, words=words(actor))
    flash(_("Saved"))
    return see(url_for("mails.templates"))


@pages.get("/settings/mail-templates/<uuid:mail_template_id>")
def edit_template(actor: Actor, mail_template_id: UUID) -> Answer:
    actor.require(("mail_template", "edit"))
    template = actor.find(MailTemplate, mail_template_id)
    said = offered(actor)
    typed = {
        "name": template.name, "subject": in_words(template.subject, said), "body": in_words(template.body, said),
        "version": template.version,
    }  # fmt: skip
    return render(actor, TEMPLATE, known=template, typed=typed, errors={}, words=words(actor))


@pages.post("/settings/mail-templates/<uuid:mail_template_id>")
def change_template(actor: Actor, mail_template_id: UUID) -> Answer:
    actor.require(("mail_template", "edit"))
    typed = form_values(request.form)
    try:
        actions.change_template(actor, actions.change_template.parse({**typed, "id": mail_template_id}))
    except Invalid as error:
        template = actor.find(MailTemplate, mail_template_id)
        return refused(actor, TEMPLATE, error, known=template, typed=typed, words=words(actor))
    flash(_("Saved"))
    return see(url_for("mails.templates"))


@pages.post("/settings/mail-templates/<uuid:mail_template_id>/delete")
def delete_template(actor: Actor, mail_template_id: UUID) -> Answer:
    actions.delete_template(actor, actions.OneTemplate(id=mail_template_id))
    say(_("The template is deleted"), url_for("mails.restore_template", mail_template_id=mail_template_id))
    return see(url_for("mails.templates"))


@pages.post("/settings/mail-templates/<uuid:mail_template_id>/restore")
def restore_template(actor: Actor, mail_template_id: UUID) -> Answer:
    actions.restore_template(actor, actions.OneTemplate(id=mail_template_id))
    return see(url_for("mails.templates"))


def words(actor: Actor) -> list[str]:
    return [f"{{{{{said}}}}}" for said in offered(actor).values()]
