"""Tasks in the API."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel

from core.api import Resource
from crm.processes.actions import complete
from crm.tasks import actions
from crm.tasks.models import Task
from crm.tasks.queries import LISTING


class TaskOut(BaseModel):
    """`due_on` is a day of the calendar; `due_at` is the instant, where an hour was given. The member
    `tell_id` is told if the task is not done by `tell_at`."""

    id: UUID
    version: int
    name: str
    todo: str
    about: str
    due_on: date | None
    due_at: datetime | None
    assignee_id: UUID | None
    contact_id: UUID | None
    company_id: UUID | None
    deal_id: UUID | None
    tell_id: UUID | None
    tell_at: datetime | None
    done_at: datetime | None
    done_by_id: UUID | None
    created_at: datetime
    updated_at: datetime


RESOURCE = Resource(
    path="tasks",
    model=Task,
    out=TaskOut,
    listing=LISTING,
    create=actions.create,
    update=actions.change,
    delete=actions.delete,
    verbs={
        "done": actions.done,
        "reopen": actions.reopen,
        "assign": actions.assign,
        "restore": actions.restore,
        "complete": complete,
    },
    example={"name": "Call about the delivery", "todo": "call", "due_on": "2026-12-01", "due_time": "09:30"},
)
