"""What the form of a contact says, as the actions take it: typed just now, or waiting for room since."""

from typing import Any

from flask_babel import gettext as _

from core.actor import Actor
from core.errors import Invalid
from core.peopleform import given
from core.waiting import SAVERS
from crm.companies import actions as companies
from crm.contacts import actions
from crm.contacts.models import Contact, spoken_name
from crm.fields.form import own_given


def store(actor: Actor, action: Any, typed: dict[str, Any]) -> Contact:
    """The action with what was typed. A company written by its name is found or made in the same transaction."""
    values = own_given(given(typed, "company_id", "owner_id"))
    name = values.pop("company_name", "").strip()
    if name and values.get("company_id"):
        raise Invalid(("company_name", _("Choose a company, or write the name of a new one, not both.")))
    with actor.transaction():
        if name:
            try:
                values["company_id"] = companies.called(actor, name).id
            except Invalid as error:
                raise Invalid(*(("company_name", message) for _field, message in error.fields)) from None
        contact: Contact = action(actor, action.parse(values))
    return contact


def name_of(typed: dict[str, Any]) -> str:
    """What the contact would be called."""
    emails = [email for email in typed.get("emails", []) if email.get("address")]
    phones = [phone for phone in typed.get("phones", []) if phone.get("number")]
    first, last = typed.get("first_name", ""), typed.get("last_name", "")
    return spoken_name(typed.get("prefix", ""), first, last, typed.get("suffix", ""), emails, phones)


SAVERS["contact.create"] = lambda actor, typed: store(actor, actions.create, typed)
