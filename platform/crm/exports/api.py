"""Exports in the API.

POST /api/v1/exports            what, format, and for one kind q, sort and filters
GET  /api/v1/exports/{id}       how far it is; POST /stop and /run
GET  /api/v1/exports/{id}/file  the file, when the state is done
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Blueprint, Response
from pydantic import BaseModel, Field

from core.api import Resource, entering, known_id
from core.openapi import RECORD_ID, problems
from crm.exports import actions
from crm.exports.models import Export
from crm.exports.pages import TYPES, file_of
from crm.exports.queries import LISTING


class ExportOut(BaseModel):
    """`done` of `rows` are gathered and `written` of them in the file; `gone` were deleted meanwhile. The file is kept
    until `expires_at`."""

    id: UUID
    version: int
    what: str
    format: str
    ask: dict[str, Any]
    state: str
    rows: int | None = Field(description="Null until they are counted.")
    done: int
    written: int
    gone: int
    file_name: str
    file_size: int
    file_hash: str = Field(description="SHA-256, in hexadecimal.")
    error: str
    owner_id: UUID | None
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None
    created_at: datetime
    updated_at: datetime


RESOURCE = Resource(
    path="exports",
    model=Export,
    out=ExportOut,
    listing=LISTING,
    create=actions.create,
    delete=actions.delete,
    verbs={"run": actions.run, "stop": actions.stop},
    example={"what": "contacts", "format": "csv"},
    more={
        "/exports/{id}/file": {
            "parameters": [RECORD_ID],
            "get": {
                "operationId": "exports.file",
                "summary": "The file",
                "description": "Only to whose token asked for it, and only while they see as much as then.",
                "tags": ["exports"],
                "responses": {
                    "200": {
                        "description": "The file, as an attachment.",
                        "content": {kind: {} for kind in TYPES.values()},
                    },
                    **problems(404, 409),
                },
            },
        },
    },
)

FILES = Blueprint("api_export_files", __name__, url_prefix="/api/v1/exports")


@FILES.get("/<export_id>/file")
def download(export_id: str) -> Response:
    with entering() as actor:
        actor.require(("export", "view"))
        return file_of(actor, actor.find(Export, known_id(export_id)))
