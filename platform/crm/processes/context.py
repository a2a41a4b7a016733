"""What expressions see of a run: its record and what hangs on it, what was filled in, what started it."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core.actor import Actor
from core.records import KINDS, Record
from crm.deals.models import Stage
from crm.fields.models import RECORD_KINDS
from crm.fields.queries import fields_of
from crm.processes.models import Instance

LINKED = ("deal", "contact", "company")


class Around:
    """The deal, contact and company that a record is or is linked to, each read when it is asked for, and once."""

    def __init__(self, actor: Actor, record: Record | None):
        self.actor, self.record = actor, record
        self.forget()

    def forget(self) -> None:
        """What was read may have changed."""
        self.known: dict[str, Record | None] = {self.record.kind: self.record} if self.record is not None else {}
        self.values: dict[str, dict[str, Any]] = {}

    def get(self, kind: str) -> Record | None:
        if kind not in self.known:
            self.known[kind] = None
            for one in self.before(kind):
                linked = getattr(one, f"{kind}_id", None)
                if linked is not None:
                    self.known[kind] = visible(self.actor, kind, linked)
                    break
        return self.known[kind]

    def before(self, kind: str) -> Iterator[Record | None]:
        """What may be linked to it, the record first."""
        yield self.record
        for other in LINKED[: LINKED.index(kind)]:
            yield self.get(other)

    def values_of(self, kind: str) -> dict[str, Any]:
        if kind not in self.values:
            self.values[kind] = values_of(self.actor, self.get(kind))
        return self.values[kind]


class Seen(Mapping[str, Any]):
    """The names of crm.processes.expressions.NAMES. What the publisher may not see is empty; what no expression asks
    for is not read."""

    def __init__(self, around: Around, data: Mapping[str, Any], started_by: UUID | None, now: datetime):
        self.around, self.now = around, now
        self.plain = {
            "steps": data.get("steps", {}),
            "data": data.get("data", {}),
            "event": data.get("event", {}),
            "started_by": str(started_by or ""),
            "now": now,
        }

    def __getitem__(self, name: str) -> Any:
        if name in LINKED:
            return self.around.values_of(name)
        if name == "record":
            return self.around.values_of(self.around.record.kind) if self.around.record is not None else {}
        if name == "today":
            return self.now.astimezone(ZoneInfo(self.around.actor.workspace.time_zone)).date()
        return self.plain[name]

    def __iter__(self) -> Iterator[str]:
        return iter((*self.plain, *LINKED, "record", "today"))

    def __len__(self) -> int:
        return len(self.plain) + len(LINKED) + 2


def seen_by(actor: Actor, record: Record | None, instance: Instance) -> Seen:
    """What expressions see of a run that is not in hand."""
    return Seen(Around(actor, record), instance.data, instance.started_by_id, datetime.now(UTC))


def subject_of(actor: Actor, instance: Instance) -> Record | None:
    """The record that a run is about, where the publisher may see it."""
    return visible(actor, instance.record_kind, instance.record_id)


def visible(actor: Actor, kind: str, record_id: Any) -> Record | None:
    model = KINDS.get(kind)
    if model is None or record_id is None:
        return None
    found: Record | None = actor.db.scalar(actor.visible(model).where(model.id == record_id))
    return found


def values_of(actor: Actor, record: Record | None) -> dict[str, Any]:
    """A record as expressions have it: each of the business's own fields in `custom`, null where nothing is said
    and no for yes or no; of a deal, `stage` by its name as well."""
    if record is None:
        return {}
    values = {"id": str(record.id), **{name: plain(value) for name, value in record.values().items()}}
    if record.kind in RECORD_KINDS:
        own = {field.key: False if field.type == "yes" else None for field in fields_of(actor, record.kind)}
        values["custom"] = own | values["custom"]
    stage_id = getattr(record, "stage_id", None)
    if stage_id is not None:
        values["stage"] = actor.db.scalar(select(Stage.name).where(Stage.id == stage_id)) or ""
    return {**values, "title": record.title()}


def plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    return value


def owner_of(record: Record | None) -> Any:
    return getattr(record, record.owner_column, None) if record is not None and record.owner_column else None
