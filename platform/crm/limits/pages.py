"""The page of what waits for room: saved now where there is some, or thrown away."""

from uuid import UUID

from flask import url_for
from flask_babel import gettext as _

from core import waiting
from core.actor import Actor
from core.errors import Invalid
from core.full import LimitReached
from core.pages import Answer, Pages, render, say, see
from crm.limits.keeping import owner_names, plan_url
from tenants.members import colleagues

pages = Pages("waiting", __name__)


@pages.get("/waiting/")
def index(actor: Actor) -> str:
    actor.require(("contact", "create"))
    return listed(actor)


def listed(actor: Actor, full: LimitReached | None = None) -> str:
    return render(
        actor,
        "limits/waiting.html",
        rows=waiting.waiting(actor),
        names=dict(colleagues(actor)),
        full=full,
        plan_url=plan_url(actor),
        owners=owner_names(actor),
    )


@pages.post("/waiting/<uuid:waiting_id>/save")
def save(actor: Actor, waiting_id: UUID) -> Answer:
    actor.require(("contact", "create"))
    try:
        made = waiting.save(actor, waiting_id)
    except LimitReached as full:
        return listed(actor, full), full.status
    except Invalid as error:
        waiting.note_error(actor, waiting_id, error)
        return see(url_for("waiting.index"))
    say(_("%(name)s is stored", name=made.title()))
    return see(url_for("waiting.index"))


@pages.post("/waiting/<uuid:waiting_id>/discard")
def discard(actor: Actor, waiting_id: UUID) -> Answer:
    row = waiting.discard(actor, waiting.OneWaiting(id=waiting_id))
    say(_("Thrown away: %(name)s", name=row.title))
    return see(url_for("waiting.index"))
