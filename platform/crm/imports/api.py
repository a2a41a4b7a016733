"""Imports in the API.

POST  /api/v1/imports               a file: multipart/form-data with `file` and, if wanted, `options` (a JSON object
                                    of format, mapping, duplicates); or the bytes as the body and ?file_name=
GET   /api/v1/imports/{id}          its columns with the fields guessed, the numbers, the state
PATCH /api/v1/imports/{id}          another format, mapping or treatment of duplicates, before it runs
POST  /api/v1/imports/{id}/run      begin or go on; /stop, /undo
GET   /api/v1/imports/{id}/refused  all refused rows with reasons, as CSV
"""

import hashlib
import tempfile
from datetime import datetime
from typing import IO, Any
from uuid import UUID

import orjson
from flask import Blueprint, Response, request
from flask_babel import gettext as _
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy.dialects.postgresql import JSONB, array

from core.actor import Actor
from core.api import Resource, entering, known_id, once, sent
from core.errors import Invalid
from core.files import files
from crm.imports import actions, pages
from crm.imports.actions import IMPORT, Choices
from crm.imports.models import Import
from crm.imports.openapi import PATHS
from crm.imports.queries import LISTING

FILE_ROUTE = "api_import_files.upload"


class Column(BaseModel):
    """`values` are the first two of the file; `field` and `reason` the guess."""

    heading: str
    values: list[str]
    field: str | None
    reason: str


class ImportOut(BaseModel):
    """`created` + `changed` + `skipped` + `refused` equal `rows` when the import is done. `checked` are the numbers
    that the whole file would give under the present mapping, with `done` false while they are being counted."""

    id: UUID
    version: int
    file_name: str
    file_hash: str
    file_size: int
    state: str
    format: dict[str, Any]
    columns: list[Column]
    mapping: dict[str, str]
    duplicates: str
    checked: dict[str, Any]
    rows: int | None = Field(description="Rows of the file with anything in them; null until they are counted.")
    created: int
    changed: int
    skipped: int
    refused: int
    blank: int
    error: str
    undone: dict[str, Any]
    owner_id: UUID | None
    started_at: datetime | None
    finished_at: datetime | None
    created_at: datetime
    updated_at: datetime


RESOURCE = Resource(
    path="imports",
    model=Import,
    out=ImportOut,
    listing=LISTING,
    update=actions.change,
    delete=actions.delete,
    verbs={"run": actions.run, "stop": actions.stop, "undo": actions.undo},
    columns={
        "checked": Import.checked.op("-", return_type=JSONB())(array(["of", "first", "refused_rows", "changed_rows"]))
    },
    more=PATHS,
)

FILES = Blueprint("api_import_files", __name__, url_prefix="/api/v1/imports")


@FILES.post("")
def upload() -> Response:
    """A new draft from a file. Repeated with the same Idempotency-Key it gives the same answer, and keeps one file."""
    with entering() as actor:
        actor.require(IMPORT)
        content, name, choices = received()
        request_hash = hashlib.sha256(orjson.dumps([name, choices.model_dump(exclude_unset=True)]))
        for piece in iter(lambda: content.read(1 << 20), b""):
            request_hash.update(piece)
        content.seek(0)
        return once(actor, lambda: created(actor, content, name, choices), request_hash.digest())


def created(actor: Actor, content: IO[bytes], name: str, choices: Choices) -> Response:
    with actor.transaction():
        found = actions.receive(actor, content, name, choices)
        try:
            actor.db.flush()
            shown = RESOURCE.one(actor, found.id)
        except BaseException:
            files().delete(found.file_key)
            raise
    return sent(shown.json, 201, shown.version)


def received() -> tuple[IO[bytes], str, Choices]:
    """The file, its name, and what was said of it. Raises Invalid."""
    if request.mimetype == "multipart/form-data":
        file = request.files.get("file")
        if file is None:
            raise Invalid(("file", _("Send the table as the part named file.")))
        return file.stream, file.filename or "", said(request.form.get("options", "{}"))
    name = request.args.get("file_name", "")
    if not name.strip():
        raise Invalid(("file_name", _("Name the file in the URL: ?file_name=contacts.csv")))
    return spooled(), name, said(request.args.get("options", "{}"))


def spooled() -> IO[bytes]:
    """The body of the request in a temporary file, since it is read twice."""
    local = tempfile.TemporaryFile(prefix="okno-")  # noqa: SIM115 (closed with the request)
    actions.copy_limited(request.stream, local)
    local.seek(0)
    return local


def said(options: str) -> Choices:
    try:
        return Choices.model_validate_json(orjson.dumps(orjson.loads(options)))
    except orjson.JSONDecodeError:
        raise Invalid(("options", _("This is not valid JSON."))) from None
    except ValidationError as error:
        raise Invalid.of(error) from None


@FILES.get("/<import_id>/refused")
def refused(import_id: str) -> Response:
    with entering() as actor:
        found = actor.find(Import, known_id(import_id))
        return pages.refused_csv(actor, found)
