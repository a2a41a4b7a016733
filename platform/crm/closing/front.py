"""The certificate as a page to print and as JSON."""

from uuid import UUID

from flask import Blueprint, Response
from flask_babel import gettext as _

from core.api import answer
from core.db import database
from core.letters import here
from core.pages import render
from crm.closing import certificates

front = Blueprint("certificates", __name__, template_folder="templates")


@front.get("/certificate/<uuid:number>/<signature>")
def show(number: UUID, signature: str) -> str:
    with database().controlling() as control:
        found = certificates.found(control, here(), number, signature)
    tables = [(TABLES().get(name, name), count) for name, count in found.said["tables"].items() if count]
    return render(None, "closing/certificate.html", found=found, tables=sorted(tables), signature=signature)


@front.get("/certificate/<uuid:number>/<signature>.json")
def as_json(number: UUID, signature: str) -> Response:
    with database().controlling() as control:
        return answer(certificates.as_json(certificates.found(control, here(), number, signature)))


def TABLES() -> dict[str, str]:  # noqa: N802 (a table, in the reader's language)
    """The tables that people know, by the names they know; the others go by their own."""
    return {
        "contact": _("Contacts"), "company": _("Companies"), "deal": _("Deals"), "task": _("Tasks"),
        "note": _("Notes and calls"), "event": _("Events of the audit log"), "member": _("Members"),
        "import": _("Imports"), "export": _("Exports"),
    }  # fmt: skip
