"""Closing the workspace, and the one page that is left of it afterwards."""

from flask import request, url_for
from flask_babel import gettext as _

from core.actor import Actor
from core.db import database
from core.errors import Invalid
from core.pages import Answer, Pages, refused, render, say, see
from crm.accounts.again import when_fresh
from tenants import closing
from tenants.members import owners

pages = Pages("closing", __name__)


@pages.get("/settings/close")
def ask(actor: Actor) -> str:
    closing.require_owner(actor)
    return render(actor, "closing/ask.html", errors={}, typed="", days=closing.DAYS)


@pages.post("/settings/close")
@when_fresh
def close(actor: Actor) -> Answer:
    typed = request.form.get("address", "")
    try:
        closing.close(actor, closing.close.parse({"address": typed}))
    except Invalid as error:
        return refused(actor, "closing/ask.html", error, typed=typed, days=closing.DAYS)
    return see(url_for("closing.show"))


@pages.get("/closing")
def show(actor: Actor) -> Answer:
    with database().controlling() as control:
        state = closing.closing_of(control, actor.workspace)
    if state is None:
        return see(url_for("today.index"))
    names = [owner.name for owner in owners(actor.db)]
    return render(actor, "closing/show.html", state=state, owners=names)


@pages.post("/closing/back")
@when_fresh
def back(actor: Actor) -> Answer:
    closing.reopen(actor, closing.Return())
    say(_("The workspace is open again"))
    return see(url_for("today.index"))
