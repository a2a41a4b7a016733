"""The refusal of whatever would pass a limit of the plan, in words that say which, how many, and what to do."""

from collections.abc import Callable
from typing import Any

from flask_babel import format_decimal, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from config.plans import Limit
from core.errors import Refusal


class LimitReached(Refusal):
    """So many `more` do not fit beside the `used` ones under the `cap`. Nothing was stored."""

    status = 402
    title = _l("Your plan is full")

    def __init__(self, limit: Limit, used: int, cap: int, more: int = 1, invited: int = 0):
        self.limit, self.used, self.cap, self.more, self.invited = limit, used, cap, more, invited
        self.may_buy = False  # whether who asked may choose another plan: core.actor says
        super().__init__(LazyString(self.sentence), limit=limit, used=used, cap=cap)

    def sentence(self) -> str:
        return f"{self.said()} {self.advice()}"

    def said(self) -> str:
        """Which limit, and how full it is."""
        if self.invited:
            return told_people(self.used, self.invited, self.cap)
        if self.used >= self.cap:
            return FULL[self.limit](self.cap)
        room = shown(self.limit, self.cap - self.used)
        return str(_("Your plan has room for %(room)s more, and this needs %(more)s.",
                     room=room, more=shown(self.limit, self.more)))  # fmt: skip

    def advice(self) -> str:
        if self.may_buy:
            return str(_("Choose a larger plan in Settings, and go on."))
        return str(_("Ask an owner of the workspace for a larger plan."))


NAMES: dict[Limit, Any] = {
    "users": _l("People"),
    "contacts": _l("Contacts"),
    "storage": _l("Files"),
    "mails": _l("E-mails this month"),
    "api_calls": _l("Calls of the API a minute"),
    "processes": _l("Processes"),
}
FULL: dict[Limit, Callable[[int], str]] = {
    "users": lambda cap: ngettext(
        "The one seat of your plan is taken.", "All %(num)s seats of your plan are taken.", cap
    ),
    "contacts": lambda cap: ngettext(
        "The one contact of your plan is in use.", "All %(num)s contacts of your plan are in use.", cap
    ),
    "storage": lambda cap: _("The %(size)s for files of your plan are in use.", size=shown("storage", cap)),
    "mails": lambda cap: ngettext(
        "The one e-mail a month of your plan is sent.", "All %(num)s e-mails a month of your plan are sent.", cap
    ),
    "api_calls": lambda cap: ngettext(
        "Your plan takes one call a minute.", "Your plan takes %(num)s calls a minute.", cap
    ),
    "processes": lambda cap: ngettext(
        "The one process of your plan is in use.", "All %(num)s processes of your plan are in use.", cap
    ),
}  # fmt: skip


def told_people(work: int, invited: int, cap: int) -> str:
    work_here = ngettext("%(num)s person works here", "%(num)s people work here", work)
    are_invited = ngettext("%(num)s is invited", "%(num)s are invited", invited)
    return str(
        _("%(work)s and %(invited)s; your plan has %(cap)s seats.", work=work_here, invited=are_invited, cap=cap)
    )


def shown(limit: Limit, amount: int) -> str:
    """An amount as people read it: files in MB and GB, the others as a number."""
    if limit != "storage":
        return str(format_decimal(amount))
    unit, size = ("GB", amount / 10**9) if amount >= 10**9 else ("MB", amount / 10**6)
    return f"{format_decimal(size, '#,##0.#')}\N{NO-BREAK SPACE}{unit}"
