"""What expressions see of a run: its record and what hangs on it, what was filled in, what started it."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core.actor import Actor
from core.records import KINDS, Record
from crm.deals.models import Stage
from crm.processes.models import Instance

LINKED = ("deal", "contact", "company")


def seen_by(
    actor: Actor, record: Record | None, instance: Instance, now: datetime | None = None
) -> dict[str, Any]:  # fmt: skip
    """The names of crm.processes.expressions.NAMES. What the publisher may not see is empty."""
    about = {kind: values_of(actor, one) for kind, one in around(actor, record).items()}
    now = now or datetime.now(UTC)
    return {
        "record": values_of(actor, record),
        **{kind: about.get(kind, {}) for kind in LINKED},
        "steps": instance.data.get("steps", {}),
        "data": instance.data.get("data", {}),
        "event": instance.data.get("event", {}),
        "started_by": str(instance.started_by_id or ""),
        "now": now,
        "today": now.astimezone(ZoneInfo(actor.workspace.time_zone)).date(),
    }


def subject_of(actor: Actor, instance: Instance) -> Record | None:
    """The record that a run is about, where the publisher may see it."""
    return visible(actor, instance.record_kind, instance.record_id)


def visible(actor: Actor, kind: str, record_id: Any) -> Record | None:
    model = KINDS.get(kind)
    if model is None or record_id is None:
        return None
    found: Record | None = actor.db.scalar(actor.visible(model).where(model.id == record_id))
    return found


def around(actor: Actor, record: Record | None) -> dict[str, Record | None]:
    """The deal, contact and company that a record is or is linked to."""
    found: dict[str, Record | None] = {record.kind: record} if record is not None else {}
    for kind in LINKED:
        if kind in found:
            continue
        for one in list(found.values()):
            linked = getattr(one, f"{kind}_id", None)
            if linked is not None:
                found[kind] = visible(actor, kind, linked)
                break
    return found


def values_of(actor: Actor, record: Record | None) -> dict[str, Any]:
    """A record as expressions have it; of a deal, `stage` by its name as well."""
    if record is None:
        return {}
    values = {"id": str(record.id), **{name: plain(value) for name, value in record.values().items()}}
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
