"""Processes to begin with: an empty one, and some that are ready, in the language of whoever takes them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from core.text import plain
from crm.processes.layout import drawn
from crm.processes.writing import Writer, act, part


@dataclass(frozen=True)
class Example:
    name: Any
    about: Any
    write: Callable[[], Writer]

    def xml(self) -> str:
        return drawn(self.write().xml())


def blank(name: str) -> str:
    """A start and an end, with room between them."""
    writer = Writer(key_of(name), name or _("New process"))
    writer.add("startEvent", "start")
    writer.add("endEvent", "end")
    return drawn(writer.xml())


def key_of(name: str) -> str:
    """What a file calls a process of this name: letters, numbers and dashes."""
    bare = re.sub(r"[^a-z0-9]+", "-", plain(name)).strip("-")[:60]
    return f"p-{bare}" if bare[:1].isdigit() or not bare else bare


def windows() -> Writer:
    writer = Writer("windows", _("Windows: from request to report"))
    writer.add("startEvent", "start", _("Request"), part("on", event="deal.created"))
    writer.add(
        "userTask", "call", _("Call the client"),
        part("assignee", who="owner"), part("due", after="PT15M", hours="working"), part("late", who="head"),
        part("form", part("field", name="wanted", label=_("Wants to be measured"), type="yesno", required="true")),
        part("task", todo="call"),
    )  # fmt: skip
    writer.gateway("interest", _("Wants it?"), usual="lost")
    writer.add(
        "userTask", "measure", _("Measure"),
        part("assignee", role="field", how="round robin"), part("assignee", who="owner"),
        part("due", after="P2D", hours="working"),
        part(
            "form",
            part("field", name="width", label=_("Width in mm"), type="number", required="true"),
            part("field", name="height", label=_("Height in mm"), type="number", required="true"),
            part("field", name="note", label=_("What to mind"), type="long"),
        ),
        after="interest", condition="steps.call.wanted == true",
    )  # fmt: skip
    writer.add(
        "userTask", "price", _("Work out the price and agree it"),
        part("assignee", step="call"), part("due", after="P1D", hours="working"), part("late", who="head"),
        part("form", part("field", name="agreed", label=_("The client agreed"), type="yesno", required="true")),
    )  # fmt: skip
    writer.gateway("agreement", _("Agreed?"), usual="lost")
    writer.hear(
        "paid", _("Advance paid"), part("on", event="payment.created"),
        after="agreement", condition="steps.price.agreed == true",
    )  # fmt: skip
    writer.add("serviceTask", "won", _("Win the deal"), act("deal.win", id="deal.id"))
    writer.add(
        "userTask", "install", _("Install"),
        part("assignee", role="field", how="least"), part("assignee", who="owner"),
        part("due", after="P5D", hours="working"),
    )  # fmt: skip
    writer.add(
        "serviceTask",
        "report",
        _("Tell the head of sales"),
        part("notify", who="head", text='"' + _("Installed:") + ' " + deal.name'),
    )
    writer.add("endEvent", "end", _("Done"))
    writer.add("endEvent", "lost", _("Nothing came of it"), after="interest")
    writer.arrow("agreement", "lost")
    return writer


def follow_up() -> Writer:
    writer = Writer("follow-up", _("Ask again after a quote"))
    writer.add("startEvent", "start", _("A quote is sent"), part("on", event="quote.send", by="deal_id"))
    writer.wait("wait", _("Three working days"), "P3D", "working")
    writer.gateway("open", _("Still open?"), usual="end")
    writer.add(
        "userTask", "ask", _("Ask the client about the quote"),
        part("assignee", who="owner"), part("due", after="P1D", hours="working"), part("late", who="head"),
        part("task", todo="call"),
        after="open", condition='deal.status == "open"',
    )  # fmt: skip
    writer.add("endEvent", "done")
    writer.add("endEvent", "end", after="open")
    return writer


def welcome() -> Writer:
    writer = Writer("welcome", _("Look after a new client"))
    writer.add("startEvent", "start", _("A deal is won"), part("on", event="deal.win"))
    writer.add(
        "userTask",
        "thank",
        _("Thank the client"),
        part("assignee", who="owner"),
        part("due", after="P1D", hours="working"),
    )
    writer.wait("month", _("A month later"), "P30D", "always")
    writer.add(
        "userTask", "satisfied", _("Ask whether all is well"),
        part("assignee", who="owner"), part("due", after="P2D", hours="working"),
        part(
            "form",
            part("field", name="mark", label=_("How satisfied"), type="choice", required="true", options="1|2|3|4|5"),
            part("field", name="said", label=_("What they said"), type="long"),
        ),
        part("task", todo="call"),
    )  # fmt: skip
    writer.add("endEvent", "end")
    return writer


EXAMPLES: dict[str, Example] = {
    "windows": Example(
        _l("Windows: from request to report"),
        _l("Call within 15 minutes, measure, agree the price, wait for the advance, install, report."),
        windows,
    ),
    "follow_up": Example(
        _l("Ask again after a quote"),
        _l("Three working days after a quote is sent, somebody calls, if the deal is still open."),
        follow_up,
    ),
    "welcome": Example(
        _l("Look after a new client"), _l("Thanks after a deal is won, and a call a month later."), welcome
    ),
}
