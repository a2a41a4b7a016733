"""By what a person is recognised in texts: their full name, their e-mails, their phones in any spelling.

What somebody else has too tells nobody apart: an address that stands at a company or at another contact is left out,
and so is a name that is not both first and last.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Text, cast, or_, select
from sqlalchemy.orm import Session

from core.text import plain
from crm.companies.models import Company
from crm.contacts.models import Contact

BLANK = "\N{HORIZONTAL ELLIPSIS}"  # what stands where the person stood
BETWEEN = r"[ ./()\xa0-]*"  # between two digits of a phone
DIGITS = 9  # from the end: the number without its country, which is often left out


@dataclass(frozen=True)
class Person:
    record_id: UUID
    names: tuple[str, ...]
    emails: tuple[str, ...]
    phones: tuple[str, ...]

    @cached_property
    def pattern(self) -> str:
        """A regular expression that PostgreSQL and Python read alike; it matches nothing for who has nothing."""
        said = {*self.names, *(plain(name) for name in self.names)}
        names = [r"\s+".join(map(re.escape, name.split())) for name in sorted(said, key=len, reverse=True)]
        found = [rf"(?<!\w)(?:{one})(?!\w)" for one in [*names, *map(re.escape, self.emails)]]
        found += [rf"(?:(?:\+|00)[0-9]{{1,3}}{BETWEEN})?(?<![0-9]){spelled(phone)}(?![0-9])" for phone in self.phones]
        return "|".join(found) or r"(?!)"

    def stands_in(self, *columns: Any) -> ColumnElement[bool]:
        """The rows in which the person is mentioned, as a condition for WHERE."""
        return or_(*(cast(column, Text).bool_op("~*")(self.pattern) for column in columns))

    def mentioned(self, text: str) -> bool:
        return re.search(self.pattern, text, re.IGNORECASE) is not None

    def without(self, value: Any) -> Any:
        """The value, of whatever JSON consists of, with … where the person stood."""
        if isinstance(value, str):
            return re.sub(self.pattern, BLANK, value, flags=re.IGNORECASE)
        if isinstance(value, list):
            return [self.without(one) for one in value]
        if isinstance(value, dict):
            return {self.without(key): self.without(one) for key, one in value.items()}
        return value


def spelled(phone: str) -> str:
    return BETWEEN.join(re.sub(r"\D", "", phone)[-DIGITS:])


def person_of(session: Session, contact: Contact) -> Person:
    """Who the contact is, in a session that sees everything."""
    first, last = contact.first_name.strip(), contact.last_name.strip()
    names = (f"{first} {last}", f"{last} {first}", f"{last}, {first}") if first and last else ()
    ways = set(contact.match_keys)
    taken = shared(session, contact, ways, names)
    emails = [one["address"] for one in contact.emails if one["address"].lower() not in taken]
    phones = [one["number"] for one in contact.phones if one["valid"] and one["number"] not in taken]
    return Person(contact.id, names, tuple(emails), tuple(phones))


def shared(session: Session, contact: Contact, ways: set[str], names: Iterable[str]) -> set[str]:
    """The e-mails and phones that others have too. A firm that is called like the person is the person."""
    listed = sorted(ways)
    others: set[str] = set()
    if not listed:
        return others
    models: tuple[Any, ...] = (Contact, Company)
    for model in models:
        query = select(model.name, model.match_keys).where(
            model.match_keys.overlap(listed), model.id != contact.id, model.deleted_at.is_(None)
        )
        for name, keys in session.execute(query):
            if model is Contact or not any(plain(one) in plain(name) for one in names):
                others.update(ways.intersection(keys))
    return others
