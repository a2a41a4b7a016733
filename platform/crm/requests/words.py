"""What people call the sources, the states and the doubts of a request, in the reader's language."""

from flask_babel import gettext as _
from flask_babel import pgettext


def sources() -> dict[str, str]:
    return {
        "form": _("web form"), "mail": pgettext("request", "mail"), "call": pgettext("request", "call"),
        "hand": pgettext("request", "by hand"),
    }  # fmt: skip


def states() -> dict[str, str]:
    return {
        "new": pgettext("request", "New"), "taken": pgettext("request", "Taken"),
        "converted": pgettext("request", "Converted"), "closed": pgettext("request", "Closed"),
        "spam": pgettext("request", "Spam"),
    }  # fmt: skip


def doubts() -> dict[str, str]:
    """Why a request waits to be checked (crm.forms.spam)."""
    return {
        "honeypot": _("a field that people do not see was filled in"),
        "quick": _("it was sent faster than anybody types"),
        "stale": _("the form had been open for more than a day"),
        "unproven": _("it was sent without a script"),
        "many here": _("many came from the same address"),
        "many": _("very many came by this form"),
    }
