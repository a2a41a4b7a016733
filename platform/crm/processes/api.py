"""Processes and their runs in the API.

POST /api/v1/processes                a draft out of BPMN XML; PATCH changes it, POST /{id}/publish makes it a version
POST /api/v1/runs                     a run of the active version, about a record; POST /{id}/cancel, retry, skip ...
POST /api/v1/tasks/{id}/complete      a task that is a step, with its form filled in
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import func, select

from core.api import Resource
from crm.processes import actions
from crm.processes.models import Instance, Process, Step
from crm.processes.queries import PROCESSES, RUNS


class ProcessOut(BaseModel):
    """`draft` is BPMN 2.0; `active_id` the published version that new runs take while the process is `enabled`."""

    id: UUID
    version: int
    name: str
    key: str
    draft: str
    enabled: bool
    active_id: UUID | None
    created_at: datetime
    updated_at: datetime


class RunOut(BaseModel):
    """`steps` is the way it went and where it waits, in order. `error` says why one that `failed` stands still."""

    id: UUID
    version: int
    process_id: UUID
    version_id: UUID
    name: str
    status: str
    record_kind: str
    record_id: UUID | None
    started_by_id: UUID | None
    error: str
    steps: list[dict[str, Any]]
    ended_at: datetime | None
    created_at: datetime
    updated_at: datetime


NAMES = ("id", "element", "kind", "name", "state", "assignee_id", "task_id", "due_at", "began_at", "done_at", "error")
STEP = func.jsonb_build_object(*(part for name in NAMES for part in (name, getattr(Step, name))))
STEPS = (
    select(func.coalesce(func.jsonb_agg(STEP), func.jsonb_build_array()))
    .where(Step.instance_id == Instance.id)
    .correlate(Instance)
    .scalar_subquery()
)
EXAMPLE = (
    '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" targetNamespace="example"><process id="call">'
    '<startEvent id="start"/><sequenceFlow id="f" sourceRef="start" targetRef="end"/><endEvent id="end"/>'
    "</process></definitions>"
)
CHANGES = {
    "publish": actions.publish,
    "switch_on": actions.switch_on,
    "switch_off": actions.switch_off,
    "restore": actions.restore,
}

PROCESS_RESOURCE = Resource(
    path="processes",
    model=Process,
    out=ProcessOut,
    listing=PROCESSES,
    create=actions.create,
    update=actions.change,
    delete=actions.delete,
    verbs=CHANGES,
    example={"xml": EXAMPLE},
)
RUN_RESOURCE = Resource(
    path="runs",
    model=Instance,
    out=RunOut,
    listing=RUNS,
    create=actions.start,
    verbs={"cancel": actions.cancel, "retry": actions.retry, "skip": actions.skip, "reassign": actions.reassign},
    columns={"steps": STEPS},
    example={"process_id": "01999999-0000-7000-8000-000000000000"},
)
