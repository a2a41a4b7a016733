"""What starts a process, and what a waiting one goes on with: events of the workspace, and times of the day.

    <okno:on event="deal.created" if="deal.amount &gt; 10000.0"/>
    <okno:on event="deal.stage" to="Measurement"/>
    <okno:on event="quote.accept" by="deal_id"/>
    <okno:every days="mon tue wed thu fri" at="08:00"/>
    <okno:every at="08:00" before="3" field="expected_close" if="deal.amount &gt; 10000.0"/>

The last one is for each record, so many days before a day that stands in it.

`event` is a kind with what became of the record (created, changed, deleted, restored, noted), the name of an action, or
`deal.stage`, for a deal that comes into the stage `to`. `field` must be among what changed. `by` is the link from what
the event is about to the record that the run is about; a start without it is about the event's own record.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from core.db import as_uuid
from crm.processes.bpmn import Definition, Element
from crm.processes.hours import DAYS

CHANGES = ("created", "changed", "deleted", "restored", "noted", "stage")
# What happens by itself, or by a client, and is nobody's action.
HAPPENS = frozenset(
    "quote.accept quote.decline quote.ask_again quote.see quote.expire request.late task.late mail.received mail.sent "
    "mail.failed call.ringing call.answered call.ended call.missed process.started process.done process.failed".split()
)
EVENT = re.compile(r"^[a-z][a-z_]{0,39}\.[a-z][a-z_]{0,39}$")


class Unclear(ValueError):
    """A trigger that says nothing of use, in words for whoever wrote it."""


@dataclass(frozen=True)
class On:
    """Which events: see above. `stage` ids or names are compared without case."""

    kind: str
    change: str
    field: str
    to: str
    condition: str
    by: str

    @property
    def event(self) -> str:
        return f"{self.kind}.{self.change}"

    def awaited(self) -> list[tuple[str, str]]:
        """(event, field) of the events that must be handed on."""
        if self.change == "stage":
            return [(f"{self.kind}.created", ""), (f"{self.kind}.changed", "stage_id")]
        return [(self.event, self.field)]

    def fits(self, event: Any, stages: Mapping[UUID, str]) -> bool:
        """Whether this event is one of them, but for the condition. `stages` are the names of stages by id."""
        if self.change == "stage":
            stage = as_uuid(str(event.after.get("stage_id", "")))
            named = self.to.casefold() in (str(stage), stages.get(stage, "").casefold()) if stage else False
            return event.kind == self.kind and event.change in ("created", "changed") and named
        if self.event not in (f"{event.kind}.{event.change}", event.action):
            return False
        if self.field and self.field not in event.after and self.field not in event.before:
            return False
        return not self.to or str(event.after.get(self.field, "")) == self.to


@dataclass(frozen=True)
class Every:
    """On these days of the week, at this hour in the zone of the workspace. With a `field`, for each record of the
    subject in which that day is at most `before` days away and not yet over, once for each such day."""

    days: tuple[str, ...]
    at: time
    before: int = 0
    field: str = ""
    condition: str = ""

    def next(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The first such time after the moment."""
        today = moment.astimezone(zone).date()
        for ahead in range(9):
            day = today + timedelta(days=ahead)
            due = datetime.combine(day, self.at, zone).astimezone(UTC)
            if DAYS[day.weekday()] in self.days and due > moment:
                return due
        raise Unclear(_("It never comes to this time."))


def triggers_of(_definition: Definition, element: Element) -> list[On]:
    """The events that an element waits for. Raises Unclear."""
    found = []
    for one in element.all("on"):
        event = one.get("event")
        if not EVENT.match(event):
            raise Unclear(_("There is no event %(event)s.", event=event or "?"))
        kind, _dot, change = event.partition(".")
        if change == "stage" and not one.get("to"):
            raise Unclear(_("%(name)s: say which stage.", name=element.title))
        found.append(On(kind, change, one.get("field"), one.get("to"), one.get("if"), one.get("by")))
    return found


def everies(element: Element) -> list[Every]:
    """The times at which a process starts by itself. Raises Unclear."""
    found = []
    for one in element.all("every"):
        days = tuple(one.get("days").lower().split()) or DAYS
        if set(days) - set(DAYS):
            raise Unclear(_("Write the days as mon tue wed thu fri sat sun."))
        try:
            at = time.fromisoformat(one.get("at"))
        except ValueError:
            raise Unclear(_("Write the hour as 14:30.")) from None
        before = one.get("before") or "0"
        if not before.isdecimal() or int(before) > 999:
            raise Unclear(_("Write how many days before as a number."))
        found.append(Every(days, at, int(before), one.get("field"), one.get("if")))
    return found
