"""Every change of a contact."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from flask_babel import gettext as _
from pydantic import Field, model_validator

from core.actions import Changes, Input, action, changes_of
from core.actor import Actor
from core.errors import Invalid, NotFound
from core.people import Address, Email, Phone, stored_phones
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.fields.values import Custom, settle
from tenants.models import Member

Line = Annotated[str, Field(max_length=200)]


class ContactFields(Input):
    """What a person may say of a contact. A contact needs a name, an e-mail or a phone."""

    id: Annotated[UUID | None, Field(description="Your own (UUID), so that sending it twice makes one contact.")] = None
    prefix: Annotated[str, Field(max_length=40, description="Title before the name, such as Ing. or MUDr.")] = ""
    first_name: Line = ""
    last_name: Line = ""
    suffix: Annotated[str, Field(max_length=40, description="Title behind the name, such as Ph.D.")] = ""
    position: Line = ""
    about: Annotated[str, Field(max_length=10_000)] = ""
    source: Line = ""
    company_id: UUID | None = None
    owner_id: Annotated[UUID | None, Field(description="A member; the one who creates it, when left out.")] = None
    emails: Annotated[list[Email], Field(max_length=20)] = []
    phones: Annotated[list[Phone], Field(max_length=20)] = []
    addresses: Annotated[list[Address], Field(max_length=10)] = []
    labels: Annotated[list[Annotated[str, Field(min_length=1, max_length=60)]], Field(max_length=50)] = []
    custom: Custom = {}


class NewContact(ContactFields):
    @model_validator(mode="after")
    def known_by_something(self) -> "NewContact":
        if not (self.first_name or self.last_name or self.emails or self.phones):
            raise ValueError(_("Write at least a name, an e-mail or a phone."))
        return self


ChangedContact = changes_of(ContactFields, "ChangedContact")


class OneContact(Input):
    id: UUID
    version: int | None = None


@action("contact.create")
def create(actor: Actor, data: NewContact) -> Contact:
    known = actor.repeated(Contact, data.id)
    if known:
        return known
    given = stored(actor, data.model_dump(exclude_none=True))
    settle(actor, "contact", given)
    check_links(actor, given)
    contact = Contact(**given)
    contact.owner_id = contact.owner_id or actor.member.id
    contact.index(actor.workspace.language)
    actor.db.add(contact)
    return contact


@action("contact.edit", takes=ChangedContact)
def change(actor: Actor, data: Changes) -> Contact:
    contact = actor.take(Contact, data.id, "edit", data.version)
    given = stored(actor, data.given())
    settle(actor, "contact", given, contact.custom)
    given = {name: value for name, value in given.items() if value != getattr(contact, name)}
    check_links(actor, given)
    for name, value in given.items():
        setattr(contact, name, value)
    contact.index(actor.workspace.language)
    if not contact.name:
        raise Invalid(("first_name", _("Write at least a name, an e-mail or a phone.")))
    return contact


@action("contact.delete")
def delete(actor: Actor, data: OneContact) -> Contact:
    """Into the bin, from which `restore` brings it back with all its links."""
    contact = actor.take(Contact, data.id, "delete", data.version)
    contact.deleted_at = datetime.now(UTC)
    return contact


@action("contact.restore", right=("contact", "delete"))
def restore(actor: Actor, data: OneContact) -> Contact:
    contact = actor.take(Contact, data.id, "delete", deleted=True)
    if not contact.name:
        raise NotFound()  # the person was erased
    contact.deleted_at = None
    return contact


def stored(actor: Actor, values: dict[str, Any]) -> dict[str, Any]:
    """Values as the row keeps them."""
    if "phones" in values:
        phones = [Phone(**phone) for phone in values["phones"]]
        values["phones"] = stored_phones(phones, actor.workspace.country)
    return values


def check_links(actor: Actor, given: dict[str, Any]) -> None:
    """Records that were named must be there and visible; giving a contact to another needs the right to assign."""
    actor.linked(Company, given.get("company_id"), "company_id")
    owner_id = given.get("owner_id", actor.member.id)
    if owner_id != actor.member.id:
        actor.require(("contact", "assign"), Contact(owner_id=owner_id))
        actor.linked(Member, owner_id, "owner_id")
