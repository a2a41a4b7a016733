"""What a plan includes and what a change of plan takes away, in sentences."""

from typing import Any

from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _

from config.plans import SEATS, Feature, Limit, Plan, Prices, plans
from core.full import FULL, shown
from core.limits import InUse
from core.pages import money


def called(limit: Limit) -> str:
    """The limit as a heading."""
    names: dict[Limit, str] = {
        "users": _("People"),
        "contacts": _("Contacts"),
        "storage": _("Files"),
        "mails": _("E-mails"),
        "api_calls": _("API calls"),
        "processes": _("Processes"),
    }
    return names[limit]


def includes(plan: Plan) -> list[str]:
    """What one gets, the most important first."""
    lines = [people_in(plan), contacts_in(plan), files_in(plan), mails_in(plan), backups_in(plan)]
    lines += [FEATURES[feature]() for feature in sorted(plan.features)]
    return [*lines, _("Processes, roles and the API")]


def people_in(plan: Plan) -> str:
    most = plan.limits["users"]
    if most is None:
        return str(_("Any number of people"))
    if most == SEATS or isinstance(most, str):
        return str(_("As many people as you pay for"))
    return str(ngettext("%(num)s person", "%(num)s people", most))


def contacts_in(plan: Plan) -> str:
    most = plan.cap("contacts", 0)
    if most is None:
        return str(_("No limit of contacts"))
    return str(ngettext("%(count)s contact", "%(count)s contacts", most, count=format_decimal(most)))


def files_in(plan: Plan) -> str:
    most = plan.cap("storage", 0)
    return str(_("No limit of files") if most is None else _("%(size)s for files", size=shown("storage", most)))


def mails_in(plan: Plan) -> str:
    most = plan.cap("mails", 0)
    if most is None:
        return str(_("No limit of e-mails"))
    return str(ngettext("%(count)s e-mail a month", "%(count)s e-mails a month", most, count=format_decimal(most)))


def backups_in(plan: Plan) -> str:
    kept = plan.backups
    if kept.every == "hour":
        return str(ngettext("Backup every hour, kept %(num)s day", "Backup every hour, kept %(num)s days", kept.days))
    if kept.every == "day":
        return str(ngettext("Backup every night, kept %(num)s day", "Backup every night, kept %(num)s days", kept.days))
    return str(_("Export at any time"))


FEATURES: dict[Feature, Any] = {
    "field_rights": lambda: _("Rights on single fields"),
    "single_sign_on": lambda: _("Single sign-on"),
}


def addon_words(key: str) -> str:
    days = plans().addons[key].backups.days
    return str(ngettext("Backups kept %(num)s day", "Backups kept %(num)s days", days))


def a_month(prices: Prices, period: Any, currency: Any) -> str:
    """The price of one seat for one month, paid by the month or the year."""
    price = prices[period][currency]
    return money(price if period == "month" else price / 12, currency)


def months_free(plan: Plan, currency: Any) -> int:
    """How many months a year costs nothing for whoever pays by the year."""
    monthly = plan.price("month", currency)
    return int((monthly * 12 - plan.price("year", currency)) / monthly) if monthly else 0


def losses(now: Plan, then: Plan, seats: int, used: dict[Limit, int]) -> list[str]:
    """What changes for the worse with another plan or fewer seats. Nothing that is there is ever taken away."""
    lines = [full_words(limit, then.cap(limit, seats), used) for limit in ("users", "contacts", "storage")]
    lines += [
        _("%(feature)s: stays as it is set up, and cannot be changed.", feature=FEATURES[feature]())
        for feature in sorted(now.features - then.features)
    ]
    if then.backups.days < now.backups.days:
        never = _("No more backups by themselves; export at any time.")
        lines.append(backups_in(then) if then.backups.every else never)
    return [line for line in lines if line]


def all_in_use(one: InUse) -> str:
    """That nothing more fits in, as who is refused is told it."""
    return str(FULL[one.name](one.cap or 0))


def full_words(limit: Any, cap: int | None, used: dict[Limit, int]) -> str:
    have = used.get(limit, 0)
    if cap is None or have <= cap:
        return ""
    has, holds = shown(limit, have), shown(limit, cap)
    words: dict[Limit, str] = {
        "users": _(
            "%(has)s people work here and there will be %(holds)s seats: all can go on, nobody can be added.",
            has=has, holds=holds,
        ),
        "contacts": _(
            "You have %(has)s contacts and there is room for %(holds)s: all stay and can be edited, none can be added.",
            has=has, holds=holds,
        ),
        "storage": _(
            "Your files take %(has)s and there is room for %(holds)s: all stay, none can be added.",
            has=has, holds=holds,
        ),
    }  # fmt: skip
    return words[limit]
