"""Placeholders: what a template says of the client, the deal and the writer, in words of the reader's language.

People read and write {{first name}}, {{křestní jméno}}; a template keeps {{first_name}}, so that each reads their own.
A business's own field is {{deal: Windows}} by its label, and kept as {{deal.custom.windows}}.
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
from crm.fields.words import all_names, names_of, texts_of
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
KINDS: dict[str, Any] = {"deal": _l("deal"), "contact": _l("contact"), "company": _l("company")}
FOUND = re.compile(r"\{\{([^{}\n]{1,120})\}\}")


def offered(actor: Actor) -> dict[str, str]:
    """What there is, by its key, in words of the present language."""
    return worded(names_of(actor))


def worded(own: Mapping[str, str]) -> dict[str, str]:
    return {
        **{key: str(label) for key, label in PLACEHOLDERS.items()},
        **{name: f"{KINDS[name.partition('.')[0]]}: {label}" for name, label in own.items()},
    }


def in_words(text: str, words: Mapping[str, str]) -> str:
    """The text with its placeholders in words (`offered`)."""
    return replaced(text, lambda key: f"{{{{{words[key]}}}}}" if key in words else None)


def by_keys(actor: Actor, text: str, field: str) -> str:
    """The text as a template keeps it, whatever language its placeholders are written in. Raises Invalid for one that
    is not known."""
    known = {name: name for name in all_names(actor, removed=True)} | dict(all_words(names_of(actor)))
    for said in FOUND.findall(text):
        if plain(said) not in known:
            raise Invalid((field, _("There is no placeholder %(name)s.", name=f"{{{{{said}}}}}")))
    return replaced(text, lambda said: f"{{{{{known[plain(said)]}}}}}")


def all_words(own: Mapping[str, str]) -> list[tuple[str, str]]:
    words = [(key, key) for key in (*PLACEHOLDERS, *own)]
    for language in LANGUAGES:
        with force_locale(language):
            words += [(plain(said), key) for key, said in worded(own).items()]
    return words


def plain(said: str) -> str:
    return " ".join(said.split()).casefold()


def values(actor: Actor, contact: Contact | None, deal: Deal | None, company: Company | None) -> dict[str, str]:
    """What each placeholder stands for, as far as the writer may see it; "" where nothing is known."""
    phone = actor.db.get_one(Member, actor.member.id).phone
    own = texts_of(actor, {"deal": deal, "contact": contact, "company": company})
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
        **{f"{kind}.custom.{key}": said for kind, texts in own.items() for key, said in texts.items()},
    }


def filled(text: str, known: Mapping[str, str], words: Mapping[str, str]) -> tuple[str, list[str]]:
    """The text with what is known, and the words of the placeholders that nothing is known for, which stay."""
    missing = [key for key in FOUND.findall(text) if not known.get(key)]
    said = replaced(text, lambda key: known.get(key) or in_words(f"{{{{{key}}}}}", words))
    return said, [words[key] for key in dict.fromkeys(missing) if key in words]


def left_in(text: str) -> list[str]:
    return FOUND.findall(text)


def replaced(text: str, by: Callable[[str], str | None]) -> str:
    def one(found: "re.Match[str]") -> str:
        value = by(found[1])
        return found[0] if value is None else value

    return FOUND.sub(one, text)
