"""Settings, Documents: how papers look and what stands on them."""

import io
from typing import Any

from flask import Response, request, url_for
from flask_babel import gettext as _

from core import pictures
from core.actor import Actor
from core.errors import Conflict, Invalid, NotFound
from core.files import files, put
from core.full import LimitReached
from core.pages import Answer, Pages, blank_to_none, form_values, refused, render, say, see
from crm.documents import actions
from crm.documents.actions import letterhead_of

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


def filled(actor: Actor, typed: dict[str, Any] | None = None) -> dict[str, Any]:
    letterhead = letterhead_of(actor.db, actor.workspace.name)
    stored = {name: getattr(letterhead, name) for name in actions.LetterheadFields.model_fields}
    return {"typed": {**stored, **(typed or {})}, "letterhead": letterhead, "may": actor.may("settings", "edit")}
