"""Settings, Documents: how papers look and what stands on them, templates; and the documents of a deal."""

import io
from typing import Any, cast
from uuid import UUID

from flask import Response, request, send_file, url_for
from flask_babel import gettext as _

from core import pictures
from core.actor import Actor
from core.errors import Busy, Conflict, Invalid, NotFound
from core.files import files, put
from core.full import LimitReached
from core.pages import Answer, Pages, blank_to_none, form_values, refused, render, say, see
from crm.documents import actions, making
from crm.documents.actions import letterhead_of
from crm.documents.models import Document, DocumentTemplate
from crm.documents.placeholders import offered, unknown
from crm.documents.word import LARGEST

pages = Pages("documents", __name__)


@pages.get("/settings/documents")
def index(actor: Actor) -> Answer:
    actor.require(("settings", "view"))
    return render(actor, "documents/index.html", errors={}, **filled(actor))


@pages.post("/settings/documents")
def change(actor: Actor) -> Answer:
    typed = form_values(request.form)
    try:
        actions.change(actor, actions.change.parse(blank_to_none(typed, "version")))
    except Invalid as error:
        return refused(actor, "documents/index.html", error, **filled(actor, typed))
    except Conflict as conflict:
        say(_("Somebody else changed this meanwhile. Look at it and save again."))
        return render(actor, "documents/index.html", errors={}, **filled(actor)), conflict.status
    say(_("Saved"))
    return see(url_for("documents.index"))


@pages.get("/settings/documents/logo")
def logo(actor: Actor) -> Answer:
    actor.require(("settings", "view"))
    key = letterhead_of(actor.db, actor.workspace.name).logo_key
    if key is None:
        raise NotFound()
    with files().reading(key) as kept:
        return Response(kept.read(), content_type="image/png")


@pages.post("/settings/documents/logo")
def set_logo(actor: Actor) -> Answer:
    actor.require(("settings", "edit"))
    former = letterhead_of(actor.db, actor.workspace.name).logo_key
    chosen = request.files.get("logo")
    try:
        picture = pictures.within(chosen.stream, "logo", actions.LOGO) if chosen and chosen.filename else b""
    except Invalid as error:
        return refused(actor, "documents/index.html", error, **filled(actor))
    key = put(actor.workspace, io.BytesIO(picture)).key if picture else None
    try:
        actions.picture(actor, actions.Logo(logo_key=key, logo_size=len(picture)))
    except LimitReached:
        if key:
            files().delete(key)
        raise
    if former:
        files().delete(former)
    say(_("The logo is stored") if key else _("The logo is gone"))
    return see(url_for("documents.index"))


# Templates of Word, and documents made of them


@pages.post("/settings/documents/templates")
def add_template(actor: Actor) -> Answer:
    chosen = request.files.get("file")
    content = chosen.stream.read(LARGEST + 1) if chosen and chosen.filename else b""
    named = request.form.get("template_name", "").strip()
    try:
        data = making.add_template.parse({"name": named, "content": content})
        template = making.add_template(actor, data)
    except Invalid as error:
        fields = [("template_name" if name == "name" else name, words) for name, words in error.fields]
        values = filled(actor) | {"template_name": named}
        return refused(actor, "documents/index.html", Invalid(*fields), **values)
    say(_("%(name)s is stored", name=template.name))
    return see(url_for("documents.index") + "#templates")


@pages.get("/settings/documents/templates/<uuid:document_template_id>")
def template_file(actor: Actor, document_template_id: UUID) -> Response:
    template = actor.find(DocumentTemplate, document_template_id)
    actor.require(("settings", "view"))
    return as_word(template.name, template.file_key)


@pages.post("/settings/documents/templates/<uuid:document_template_id>/delete")
def delete_template(actor: Actor, document_template_id: UUID) -> Answer:
    template = making.delete_template(actor, making.OneDocumentTemplate(id=document_template_id))
    undo = url_for("documents.restore_template", document_template_id=template.id)
    say(_("%(name)s deleted", name=template.name), undo)
    return see(url_for("documents.index") + "#templates")


@pages.post("/settings/documents/templates/<uuid:document_template_id>/restore")
def restore_template(actor: Actor, document_template_id: UUID) -> Answer:
    template = making.restore_template(actor, making.OneDocumentTemplate(id=document_template_id))
    say(_("%(name)s is back", name=template.name))
    return see(url_for("documents.index") + "#templates")


@pages.post("/documents/")
def make(actor: Actor) -> Answer:
    values = form_values(request.form)
    try:
        document = making.create(actor, making.create.parse(blank_to_none(values, "id")))
    except Invalid as error:
        raise Busy(error.fields[0][1]) from None
    say(_("%(name)s is made", name=document.name))
    return see(url_for("deals.show", deal_id=document.deal_id) + "#documents")


@pages.get("/documents/<uuid:document_id>")
def download(actor: Actor, document_id: UUID) -> Response:
    document = actor.find(Document, document_id)
    return as_word(document.name, document.file_key)


@pages.post("/documents/<uuid:document_id>/delete")
def delete(actor: Actor, document_id: UUID) -> Answer:
    document = making.delete(actor, making.OneDocument(id=document_id))
    say(_("%(name)s deleted", name=document.name), url_for("documents.restore", document_id=document.id))
    return see(url_for("deals.show", deal_id=document.deal_id) + "#documents")


@pages.post("/documents/<uuid:document_id>/restore")
def restore(actor: Actor, document_id: UUID) -> Answer:
    document = making.restore(actor, making.OneDocument(id=document_id))
    say(_("%(name)s is back", name=document.name))
    return see(url_for("deals.show", deal_id=document.deal_id) + "#documents")


def as_word(name: str, key: str) -> Response:
    content = cast("Any", files().open(key))
    answer = send_file(content, making.TYPE, as_attachment=True, download_name=f"{name}.docx", max_age=0)
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return answer


def filled(actor: Actor, typed: dict[str, Any] | None = None) -> dict[str, Any]:
    letterhead = letterhead_of(actor.db, actor.workspace.name)
    stored = {name: getattr(letterhead, name) for name in actions.LetterheadFields.model_fields}
    return {
        "typed": {**stored, **(typed or {})},
        "letterhead": letterhead,
        "may": actor.may("settings", "edit"),
        "templates": [(one, unknown(actor, one.used)) for one in making.templates(actor)],
        "placeholders": offered(actor).items(),
        "template_name": "",
    }
