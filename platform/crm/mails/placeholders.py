"""Placeholders: what a template says of the client, the deal and the writer, in words of the reader's language.

People read and write {{first name}}, {{křestní jméno}}; a template keeps {{first_name}}, so that each reads their own.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from flask_babel import force_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.actor import Actor
from core.errors import Invalid
from core.pages import money
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Deal
from tenants.models import Member

PLACEHOLDERS: dict[str, Any] = {
    "first_name": _l("first name"),
    "last_name": _l("last name"),
    "name": _l("whole name"),
    "company": _l("company of the client"),
    "deal": _l("name of the deal"),
    "amount": _l("amount of the deal"),
    "my_name": _l("my name"),
    "my_phone": _l("my phone"),
    "business": _l("name of our business"),
}
LANGUAGES = ("en", "cs")
FOUND = re.compile(r"\{\{([^{}\n]{1,60})\}\}")


def in_words(text: str) -> str:
    """The text with its placeholders in the present language."""
    return replaced(text, lambda key: f"{{{{{PLACEHOLDERS[key]}}}}}" if key in PLACEHOLDERS else None)


def by_keys(text: str, field: str) -> str:
    """The text as a template keeps it, whatever language its placeholders are written in. Raises Invalid for one that
    is not known."""
    known = dict(all_words())
    for said in FOUND.findall(text):
        if plain(said) not in known:
            raise Invalid((field, _("There is no placeholder %(name)s.", name=f"{{{{{said}}}}}")))
    return replaced(text, lambda said: f"{{{{{known[plain(said)]}}}}}")


def all_words() -> list[tuple[str, str]]:
    words = [(key, key) for key in PLACEHOLDERS]
    for language in LANGUAGES:
        with force_locale(language):
            words += [(plain(str(label)), key) for key, label in PLACEHOLDERS.items()]
    return words


def plain(said: str) -> str:
    return " ".join(said.split()).casefold()


def values(actor: Actor, contact: Contact | None, deal: Deal | None, company: Company | None) -> dict[str, str]:
    """What each placeholder stands for, as far as the writer may see it; "" where nothing is known."""
    phone = actor.db.get_one(Member, actor.member.id).phone
    return {
        "first_name": contact.first_name if contact else "",
        "last_name": contact.last_name if contact else "",
        "name": contact.name if contact else "",
        "company": company.name if company else "",
        "deal": deal.name if deal else "",
        "amount": money(deal.amount, deal.currency) if deal and deal.amount is not None else "",
        "my_name": actor.member.name,
        "my_phone": phone,
        "business": actor.workspace.name,
    }


def filled(text: str, known: Mapping[str, str]) -> tuple[str, list[str]]:
    """The text with what is known, and the words of the placeholders that nothing is known for, which stay."""
    missing = [key for key in FOUND.findall(text) if not known.get(key)]
    said = replaced(text, lambda key: known.get(key) or (in_words(f"{{{{{key}}}}}")))
    return said, [str(PLACEHOLDERS[key]) for key in dict.fromkeys(missing) if key in PLACEHOLDERS]


def left_in(text: str) -> list[str]:
    return FOUND.findall(text)


def replaced(text: str, by: Callable[[str], str | None]) -> str:
    def one(found: "re.Match[str]") -> str:
        value = by(found[1])
        return found[0] if value is None else value

    return FOUND.sub(one, text)
