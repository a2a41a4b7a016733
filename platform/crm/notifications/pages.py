"""Pages of notifications: the bell, the list, and how one wants to be told."""

import re
from datetime import time
from typing import Any
from uuid import UUID

from flask import Response, g, render_template, request, url_for
from flask_babel import gettext as _

from core.actor import Actor
from core.api import answer
from core.db import as_uuid
from core.errors import Forbidden, Invalid, NotFound
from core.letters import here
from core.pages import Answer, Pages, came_from, refused, render, say, see
from crm.accounts.sessions import device
from crm.doors import cookie_session
from crm.notifications import bounces, choices, pushing, queries, webpush
from crm.notifications.choices import Said, Wish
from crm.notifications.kinds import APP, CHANNELS, KINDS, MAIL, PUSH
from crm.notifications.mentionable import mentionable
from crm.notifications.models import Notification
from crm.notifications.watching import is_watching, watch

pages = Pages("notifications", __name__)
pages.add_app_template_global(queries.unread, "unread_notifications")
pages.add_app_template_global(is_watching, "is_watching")
pages.add_app_template_global(bounces.blocks, "mail_blocks")

LONGEST_NAME = 100
HOURS = tuple(f"{hour:02}:{minute}" for hour in range(5, 11) for minute in ("00", "30"))


def own(actor: Actor) -> Actor:
    """Raises Forbidden for who looks with another's eyes: what somebody was told is theirs alone."""
    if g.get("seen_by"):
        raise Forbidden(_("What somebody was told is theirs alone."))
    return actor


@pages.get("/notifications/")
def index(actor: Actor) -> str:
    only_unread = request.args.get("unread") == "1"
    days, older = queries.listed(own(actor), only_unread, as_uuid(request.args.get("before", "")))
    return render(
        actor,
        "notifications/index.html",
        days=days,
        older=older,
        only_unread=only_unread,
        block=bounces.blocks(actor).get(actor.member.id),
    )


@pages.get("/notifications/bell")
def bell(actor: Actor) -> str:
    """The bell alone, in its frame: what a page asks for when its reader was told something."""
    return render(actor, "notifications/bell.html")


@pages.post("/notifications/read")
def read_all(actor: Actor) -> Answer:
    queries.mark(own(actor))
    return see(url_for("notifications.index"))


@pages.post("/notifications/<uuid:notification_id>/read")
def read_one(actor: Actor, notification_id: UUID) -> Answer:
    """Read, or unread again."""
    row = actor.db.get(Notification, notification_id)
    if row is None or row.member_id != own(actor).member.id:
        raise NotFound()
    queries.mark(actor, read=row.read_at is None, ids=[row.id])
    return see(came_from(url_for("notifications.index")))


@pages.post("/notifications/seen")
def seen(actor: Actor) -> Response:
    """Whoever opens a record has seen what they were told of it. `at` is the page's path."""
    named = re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", request.form.get("at", "")[:500])
    changed = queries.mark(own(actor), records=[UUID(one) for one in named])
    return answer({"seen": changed})


@pages.post("/notifications/watch")
def set_watch(actor: Actor) -> Answer:
    watching = request.form.get("watching") == "1"
    record = watch(own(actor), request.form.get("kind", ""), as_uuid(request.form.get("record", "")), watching)
    say(
        _("You hear of %(name)s", name=record.title())
        if watching
        else _("You hear of %(name)s no more", name=record.title())
    )
    return see(came_from(url_for("notifications.index")))


@pages.get("/mentions/<kind>/<uuid:record_id>")
def offer(actor: Actor, kind: str, record_id: UUID) -> str:
    """The list beneath a text in which somebody is about to be named, asked for by the page's script."""
    begun = request.args.get("q", "").replace("\0", "")[:LONGEST_NAME]
    return render_template("notifications/mentionable.html", people=mentionable(actor, kind, record_id, begun))


# How one wants to be told


@pages.get("/notifications/preferences")
def preferences(actor: Actor) -> str:
    return render(actor, "notifications/preferences.html", errors={}, **shown(own(actor), choices.of_actor(actor)))


@pages.post("/notifications/preferences")
def choose(actor: Actor) -> Answer:
    try:
        choices.choose(own(actor), typed())
    except Invalid as refusal:
        return refused(actor, "notifications/preferences.html", refusal, **shown(actor, as_typed()))
    say(_("Saved"))
    return see(url_for("notifications.preferences"))


@pages.post("/notifications/preferences/reset")
def reset(actor: Actor) -> Answer:
    choices.follow_workspace(own(actor))
    say(_("You are told as %(business)s has it", business=actor.workspace.name))
    return see(url_for("notifications.preferences"))


@pages.get("/settings/notifications")
def defaults(actor: Actor) -> str:
    actor.require(("settings", "edit"))
    return render(actor, "notifications/defaults.html", errors={}, **form(choices.of_workspace(actor)))


@pages.post("/settings/notifications")
def choose_defaults(actor: Actor) -> Answer:
    actor.require(("settings", "edit"))
    try:
        choices.choose_for_all(actor, typed())
    except Invalid as refusal:
        return refused(actor, "notifications/defaults.html", refusal, **form(as_typed()))
    say(_("Saved"))
    return see(url_for("notifications.defaults"))


def shown(actor: Actor, wish: Wish | dict[str, Any]) -> dict[str, Any]:
    return {
        **form(wish),
        "chosen": choices.has_chosen(actor),
        "block": bounces.blocks(actor).get(actor.member.id),
        "push_key": webpush.public_name(webpush.server_key(here().secret_key)),
    }


def form(wish: Wish | dict[str, Any]) -> dict[str, Any]:
    """What the matrix shows: of a wish, or of what was typed."""
    if isinstance(wish, Wish):
        quiet = [hour.strftime("%H:%M") for hour in wish.quiet] if wish.quiet else ["", ""]
        wish = {
            "on": {f"{kind}.{channel}" for kind in KINDS for channel in wish.channels(kind)},
            "digest": wish.digest.strftime("%H:%M") if isinstance(wish.digest, time) else "",
            "quiet_from": quiet[0],
            "quiet_to": quiet[1],
        }
    hours = HOURS if wish["digest"] in (*HOURS, "") else (wish["digest"], *HOURS)
    return {
        "kinds": KINDS.values(),
        "channels": CHANNELS,
        "names": names(),
        "typed": wish,
        "hour_choices": [(h, h) for h in hours],
    }


def names() -> dict[str, str]:
    return {APP: _("In the app"), MAIL: _("E-mail"), PUSH: _("Push")}


def typed() -> Said:
    """The form. Raises Invalid."""
    raw = as_typed()
    kinds = {kind: [channel for channel in CHANNELS if f"{kind}.{channel}" in raw["on"]] for kind in KINDS}
    return choices.choose_for_all.parse(
        {"kinds": kinds, **{name: raw[name] for name in ("digest", "quiet_from", "quiet_to")}}
    )


def as_typed() -> dict[str, Any]:
    hours = {name: request.form.get(name, "").strip() for name in ("digest", "quiet_from", "quiet_to")}
    return {"on": set(request.form.getlist("on")), **hours}


# Browsers and mail


@pages.post("/notifications/push")
def take_push(actor: Actor) -> Response:
    """The browser's own words of how it is reached, sent by the page's script."""
    person = cookie_session()
    if person is None:
        raise NotFound()
    given = {name: request.form.get(name, "") for name in pushing.Browser.model_fields}
    pushing.agree(own(actor), pushing.browser_of(given), person.id, device(request.user_agent.string))
    return answer({"told": True})


@pages.post("/notifications/push/stop")
def stop_push(actor: Actor) -> Response:
    pushing.give_up(own(actor), request.form.get("endpoint", ""))
    return answer({"told": False})


@pages.post("/notifications/mail/try-again")
def mail_again(actor: Actor) -> Answer:
    """For oneself, or for another, who changes people."""
    member_id = as_uuid(request.form.get("member", "")) or actor.member.id
    bounces.try_again(actor, member_id)
    say(_("Mail is sent again"))
    return see(came_from(url_for("notifications.preferences")))
