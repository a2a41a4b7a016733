"""Every change of a company."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from flask_babel import gettext as _
from pydantic import AfterValidator, Field

from core.actions import Changes, Input, action, changes_of
from core.actor import Actor
from core.errors import Invalid
from core.listing import found
from core.people import Address, Email, Phone, stored_phones
from core.text import checked_website, plain
from crm.companies.models import Company
from crm.fields.values import Custom, settle
from tenants.models import Member

CZECHIA = {"cz", "cze", "cr", "cesko", "ceska republika", "czechia", "czech republic"}


def without_spaces(value: str) -> str:
    return re.sub(r"\s", "", value).upper()


class CompanyFields(Input):
    id: Annotated[UUID | None, Field(description="Your own (UUID), so that sending it twice makes one company.")] = None
    name: Annotated[str, Field(min_length=1, max_length=200)]
    reg_no: Annotated[
        str,
        Field(max_length=40, description="Registration number. A Czech one (IČO) is checked by its last digit."),
        AfterValidator(without_spaces),
    ] = ""
    vat_no: Annotated[str, Field(max_length=40), AfterValidator(without_spaces)] = ""
    website: Annotated[str, Field(max_length=300), AfterValidator(checked_website)] = ""
    about: Annotated[str, Field(max_length=10_000)] = ""
    owner_id: Annotated[UUID | None, Field(description="A member; the one who creates it, when left out.")] = None
    emails: Annotated[list[Email], Field(max_length=20)] = []
    phones: Annotated[list[Phone], Field(max_length=20)] = []
    addresses: Annotated[list[Address], Field(max_length=10)] = []
    labels: Annotated[list[Annotated[str, Field(min_length=1, max_length=60)]], Field(max_length=50)] = []
    custom: Custom = {}


class NewCompany(CompanyFields):
    pass


ChangedCompany = changes_of(CompanyFields, "ChangedCompany")


class OneCompany(Input):
    id: UUID
    version: int | None = None


@action("company.create")
def create(actor: Actor, data: NewCompany) -> Company:
    known = actor.repeated(Company, data.id)
    if known:
        return known
    given = stored(actor, data.model_dump(exclude_none=True))
    settle(actor, "company", given)
    check_owner(actor, given)
    company = Company(**given)
    company.owner_id = company.owner_id or actor.member.id
    check_reg_no(actor, company)
    company.index(actor.workspace.language)
    actor.db.add(company)
    return company


@action("company.edit", takes=ChangedCompany)
def change(actor: Actor, data: Changes) -> Company:
    company = actor.take(Company, data.id, "edit", data.version)
    given = stored(actor, data.given())
    settle(actor, "company", given, company.custom)
    given = {name: value for name, value in given.items() if value != getattr(company, name)}
    check_owner(actor, given)
    for name, value in given.items():
        setattr(company, name, value)
    if given.keys() & {"reg_no", "addresses"}:
        check_reg_no(actor, company)
    company.index(actor.workspace.language)
    return company


@action("company.delete")
def delete(actor: Actor, data: OneCompany) -> Company:
    """Into the bin, from which `restore` brings it back with its people and deals."""
    company = actor.take(Company, data.id, "delete", data.version)
    company.deleted_at = datetime.now(UTC)
    return company


@action("company.restore", right=("company", "delete"))
def restore(actor: Actor, data: OneCompany) -> Company:
    company = actor.take(Company, data.id, "delete", deleted=True)
    company.deleted_at = None
    return company


def called(actor: Actor, name: str) -> Company:
    """The company of this name, whatever its case and accents; a new one where there is none. Raises Invalid."""
    wanted = plain(name).strip()
    same = actor.visible(Company).where(*found(Company, name)).limit(200)
    known = next((company for company in actor.db.scalars(same) if plain(company.name).strip() == wanted), None)
    return known or create(actor, create.parse({"name": name}))


def stored(actor: Actor, values: dict[str, Any]) -> dict[str, Any]:
    """Values as the row keeps them."""
    if "phones" in values:
        phones = [Phone(**phone) for phone in values["phones"]]
        values["phones"] = stored_phones(phones, actor.workspace.country)
    return values


def check_owner(actor: Actor, given: dict[str, Any]) -> None:
    """Giving a company to another needs the right to assign."""
    owner_id = given.get("owner_id", actor.member.id)
    if owner_id != actor.member.id:
        actor.require(("company", "assign"), Company(owner_id=owner_id))
        actor.linked(Member, owner_id, "owner_id")


def check_reg_no(actor: Actor, company: Company) -> None:
    """A company in Czechia has an IČO of eight digits with a check digit; a foreign number is taken as it is."""
    country = plain(company.addresses[0]["country"]).strip() if company.addresses else ""
    czech = country in CZECHIA if country else actor.workspace.country == "CZ"
    if not company.reg_no or not czech:
        return
    number = company.reg_no.zfill(8)
    if not is_ico(number):
        wrong = _("This is not a Czech registration number. For a foreign firm, fill in the country of its address.")
        raise Invalid(("reg_no", wrong))
    company.reg_no = number


def is_ico(number: str) -> bool:
    """Whether the last of eight digits checks the seven before it (weights 8 to 2, modulo 11)."""
    if not (number.isascii() and number.isdigit() and len(number) == 8):
        return False
    weighed = sum(int(digit) * weight for digit, weight in zip(number, range(8, 1, -1), strict=False))
    return int(number[7]) == (11 - weighed % 11) % 10
