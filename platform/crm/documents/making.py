"""Templates of Word kept and put away, and documents made of them.

<okno:action name="document.create">
  <okno:arg name="deal_id" value="deal.id"/><okno:arg name="template" value="'Contract'"/>
</okno:action>
"""

import io
import logging
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from flask_babel import force_locale
from flask_babel import gettext as _
from pydantic import Field
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from core.actions import Input, action
from core.actor import Actor
from core.db import as_uuid
from core.errors import Busy, Invalid
from core.files import files, put
from core.ids import new_id
from crm.deals.models import Deal
from crm.documents.limited import NotMade
from crm.documents.models import Document, DocumentTemplate
from crm.documents.placeholders import STEPS, unknown, values_of
from crm.documents.word import filled, placeholders_of

log = logging.getLogger(__name__)

TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


class NewDocumentTemplate(Input):
    """`content` are the bytes of a .docx of at most 5 MB."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    content: bytes


class OneDocumentTemplate(Input):
    id: UUID
    version: int | None = None


class NewDocument(Input):
    id: Annotated[UUID | None, Field(description="Your own (UUID), so that sending it twice makes one.")] = None
    deal_id: UUID
    template: Annotated[str, Field(max_length=200, description="By its name or its identifier.")]
    name: Annotated[str, Field(max_length=200, description="The template's and the deal's, when left out.")] = ""


class OneDocument(Input):
    id: UUID
    version: int | None = None


@action("document_template.create")
def add_template(actor: Actor, data: NewDocumentTemplate) -> DocumentTemplate:
    """Raises Invalid for what is no template to be used. What it asks for and there is not, the settings page marks."""
    check_name(actor, data.name)
    used = placeholders_of(data.content)
    key = kept(actor, data.content)
    template = DocumentTemplate(name=data.name, used=used, file_key=key, file_size=len(data.content))
    actor.db.add(template)
    return template


@action("document_template.delete")
def delete_template(actor: Actor, data: OneDocumentTemplate) -> DocumentTemplate:
    """Documents that were made of it stay."""
    template = actor.take(DocumentTemplate, data.id, "delete", data.version)
    template.deleted_at = datetime.now(UTC)
    return template


@action("document_template.restore", right=("document_template", "delete"))
def restore_template(actor: Actor, data: OneDocumentTemplate) -> DocumentTemplate:
    template = actor.take(DocumentTemplate, data.id, "delete", deleted=True)
    check_name(actor, template.name)
    template.deleted_at = None
    return template


@action("document.create")
def create(actor: Actor, data: NewDocument) -> Document:
    """Of a visible deal, in the language of the workspace. Raises Invalid where the template asks for what there is
    not, and names it."""
    known = actor.repeated(Document, data.id)
    if known:
        return known
    actor.linked(Deal, data.deal_id, "deal_id")
    deal = actor.find(Deal, data.deal_id)
    template = template_named(actor, data.template)
    document = Document(
        id=data.id or new_id(), deal_id=deal.id, owner_id=deal.owner_id, template_id=template.id,
        name=(data.name or f"{template.name} – {deal.name}")[:200],
    )  # fmt: skip
    actor.require(("document", "create"), document)
    content = made_of(actor, template, deal)
    document.file_key, document.file_size = kept(actor, content), len(content)
    actor.db.add(document)
    return document


def made_of(actor: Actor, template: DocumentTemplate, deal: Deal) -> bytes:
    with force_locale(actor.workspace.language):
        values = values_of(actor, deal)
    missing = [*unknown(actor, template.used), *steps_missing(template.used, values["steps"])]
    if missing:
        names = ", ".join(missing[:10])
        raise Invalid(("template", _("The template asks for what there is not: %(names)s", names=names)))
    with files().reading(template.file_key) as file:
        content = file.read()
    try:
        return filled(content, values)
    except NotMade as error:
        log.warning("document of template %s was not made: %s", template.id, error)
        raise Busy(_("The document could not be made of this template. Look at it in Word.")) from None


def steps_missing(used: list[str], steps: dict[str, Any]) -> list[str]:
    asked = [one for one in used if one.startswith(STEPS)]
    return [one for one in asked if one.split(".")[2] not in steps.get(one.split(".")[1], {})]


@action("document.delete")
def delete(actor: Actor, data: OneDocument) -> Document:
    """Into the bin, from which `restore` brings it back."""
    document = actor.take(Document, data.id, "delete", data.version)
    document.deleted_at = datetime.now(UTC)
    return document


@action("document.restore", right=("document", "delete"))
def restore(actor: Actor, data: OneDocument) -> Document:
    document = actor.take(Document, data.id, "delete", deleted=True)
    document.deleted_at = None
    return document


def template_named(actor: Actor, named: str) -> DocumentTemplate:
    known = as_uuid(named)
    which = DocumentTemplate.id == known if known else func.lower(DocumentTemplate.name) == named.strip().lower()
    there = select(DocumentTemplate).where(which, DocumentTemplate.deleted_at.is_(None))  # everybody may see them
    template = actor.db.scalar(there.order_by(DocumentTemplate.id).limit(1))
    if template is None:
        raise Invalid(("template", _("There is no template %(name)s.", name=named[:100])))
    return template


def check_name(actor: Actor, name: str) -> None:
    same = select(DocumentTemplate.id).where(
        func.lower(DocumentTemplate.name) == name.lower(), DocumentTemplate.deleted_at.is_(None)
    )
    if actor.db.scalar(same.limit(1)) is not None:
        raise Invalid(("name", _("There is a template of this name already.")))


def kept(actor: Actor, content: bytes) -> str:
    """Keep a file whose row is in the transaction at hand: it goes where that is rolled back."""
    key = put(actor.workspace, io.BytesIO(content)).key

    stored: list[bool] = []

    def stays(_session: Session) -> None:
        stored.append(True)

    def goes(_session: Session) -> None:
        if not stored:
            files().delete(key)

    event.listen(actor.db, "after_commit", stays, once=True)
    event.listen(actor.db, "after_rollback", goes, once=True)
    return key


def templates(actor: Actor) -> list[DocumentTemplate]:
    return list(actor.db.scalars(actor.visible(DocumentTemplate).order_by(func.lower(DocumentTemplate.name))))


def documents_of(actor: Actor, deal: Deal) -> list[Document]:
    rows = actor.visible(Document).where(Document.deal_id == deal.id).order_by(Document.id.desc())
    return list(actor.db.scalars(rows.limit(50)))
