"""After a restore no process runs by itself, for its file may come from anybody. Whoever switches a process on again
answers for it with their own rights, and its runs go on from where they stood."""

from collections.abc import Collection
from typing import Any

from pydantic import ValidationError
from sqlalchemy import update
from sqlalchemy.orm import Session

from core.db import Workspace
from crm.processes.models import Instance, Process
from crm.processes.rules import Rule
from tenants.backups.after import HOOKS
from tenants.backups.cleaning import cleaned


def stand_still(session: Session, _workspace: Workspace, _pasts: Collection[int]) -> None:
    session.execute(update(Process).values(enabled=False))
    session.execute(update(Instance).where(Instance.status == "running").values(status="paused"))


def known_data(value: Any) -> dict[str, Any]:
    """What a run knows, in the form that it is read in."""
    return {name: value[name] for name in ("steps", "data", "event") if isinstance(value.get(name), dict)}


def known_rule(value: Any) -> dict[str, Any] | None:
    """A rule that can be read; of any other the diagram is left, which says the same."""
    try:
        return Rule.model_validate(value).model_dump(mode="json")
    except ValidationError:
        return None


HOOKS.append(stand_still)
cleaned("process", "rule", known_rule)
cleaned("process_instance", "data", known_data)
