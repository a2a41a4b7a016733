"""A business signs up: from what was typed to a workspace that is open.

The answer is the same whether the e-mail has an account or not (tenants.identities). Who signs up with an account's own
e-mail and password is let in, and the workspace is one more of theirs.
"""

from functools import partial
from typing import Annotated, Any, Literal

from flask_babel import gettext as _
from pydantic import AfterValidator, Field, ValidationError

from core.actions import Input
from core.db import Workspace, database
from core.errors import Invalid
from core.people import EmailAddress
from core.text import slug as slug_of
from crm import places
from crm.accounts import jobs
from crm.industries import DEFAULT, furnish, industries
from tenants import identities, passwords, signup
from tenants.directory import workspaces_of
from tenants.models import Person

Language = Literal["en", "cs"]


def known_zone(value: str) -> str:
    if value not in dict(places.time_zones()):
        raise ValueError(_("Choose a time zone from the list."))
    return value


def known_industry(value: str) -> str:
    if value not in industries():
        raise ValueError(_("Choose what you do."))
    return value


PersonName = Annotated[str, Field(min_length=1, max_length=100)]
TimeZone = Annotated[str, AfterValidator(known_zone)]


class NewWorkspace(Input):
    """`slug` is the address wished for; left empty, it is made of the business's name."""

    business: Annotated[str, Field(min_length=1, max_length=100)]
    slug: Annotated[str, Field(max_length=100)] = ""
    industry: Annotated[str, AfterValidator(known_industry)] = DEFAULT


class SignUp(NewWorkspace):
    name: PersonName
    email: EmailAddress
    language: Language
    time_zone: TimeZone


def read_sign_up(values: dict[str, Any], password: str) -> SignUp:
    """Everything typed, checked. Raises Invalid with all that is wrong at once."""
    wrong: list[tuple[str, Any]] = []
    data = None
    try:
        data = SignUp.model_validate(values)
    except ValidationError as error:
        wrong += Invalid.of(error).fields
    typed = {name: str(values.get(name, "")) for name in ("name", "email", "business", "slug")}
    wished = typed["slug"] or typed["business"]
    for check in (partial(passwords.check, password, typed.values()), partial(signup.check_slug, wished)):
        try:
            check()
        except Invalid as refusal:
            wrong += refusal.fields
    if wrong or data is None:
        raise Invalid(*wrong)
    return data


def sign_up(data: SignUp, password: str, address: str) -> tuple[Person, Workspace]:
    """The person, who may be let in now, and their new workspace. Raises Invalid where its address is taken."""
    known = identities.returning(database(), data.email, password, address)
    if known:
        return known, open_for(known, data)
    with database().controlling() as control:
        person = identities.sign_up(
            control,
            email=data.email,
            name=data.name,
            password=password,
            language=data.language,
            time_zone=data.time_zone,
        )
        jobs.ask_to_confirm(control, person)
    try:
        return person, open_for(person, data)
    except Invalid:
        with database().controlling() as control:
            control.delete(control.merge(person))
        raise


def open_for(person: Person, data: NewWorkspace) -> Workspace:
    """One more workspace of a person, in their language and zone; the same one where the form was sent twice."""
    for mine in own_workspaces(person):
        if data.slug and mine.slug == slug_of(data.slug) and mine.name == data.business:
            return mine
    country = places.country_of(person.time_zone, person.language)
    return signup.open_workspace(
        database(),
        person,
        slug=free_address(data),
        name=data.business,
        industry=data.industry,
        language=person.language,
        time_zone=person.time_zone,
        country=country,
        currency=places.currency_of(country),
        furnish=furnish,
    )


def free_address(data: NewWorkspace) -> str:
    """An address that we proposed is numbered where it is taken; one of their own is refused, with a free one named."""
    wished = signup.check_slug(data.slug or data.business)
    with database().controlling() as control:
        free = signup.free_slug(control, wished)
    if free != wished and wished != slug_of(data.business):
        raise Invalid(("slug", _("%(taken)s is taken. %(free)s is free.", taken=wished, free=free)))
    return free


def own_workspaces(person: Person) -> list[Workspace]:
    with database().controlling() as control:
        return workspaces_of(control, person.id)
