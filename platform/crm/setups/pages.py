"""Settings, ready-made set-ups: what one would add, seen before it is added; this workspace's own as a file."""

import base64
import zlib
from collections import Counter
from typing import Any

from flask import Response, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from core.actor import Actor
from core.errors import NotFound
from core.pages import Answer, Pages, render, say, see
from crm.accounts.again import when_fresh
from crm.industries import industries, setup_of
from crm.setups import applying
from crm.setups.applying import KINDS, Part
from crm.setups.exporting import export
from crm.setups.reading import LARGEST, Unreadable, read
from crm.setups.shape import Setup

pages = Pages("setups", __name__)


@pages.get("/settings/setups")
def index(actor: Actor) -> Answer:
    return shown(actor)


@pages.get("/settings/setups/<key>")
def look(actor: Actor, key: str) -> Answer:
    """What a ready-made one would add."""
    setup = known(actor, key)
    return preview(actor, setup, url_for("setups.add", key=key))


@pages.post("/settings/setups/<key>")
@when_fresh
def add(actor: Actor, key: str) -> Answer:
    return added(applying.apply(actor, known(actor, key)))


@pages.get("/settings/setups/file/choose")
@when_fresh
def choose(actor: Actor) -> Answer:
    actor.require(("settings", "edit"))
    return render(actor, "setups/choose.html", errors=[])


@pages.post("/settings/setups/file/look")
def look_at_file(actor: Actor) -> Answer:
    """What a file would add. It waits in the page's own form."""
    actor.require(("settings", "edit"))
    sent = request.files.get("file")
    content = sent.stream.read(LARGEST + 1) if sent else b""
    try:
        setup = read(content, (sent.filename if sent else "") or _("file"), actor.workspace.language)
    except Unreadable as error:
        return render(
            actor, "setups/choose.html", errors=[f"{place}: {words}" for place, words in error.fields[:20]]
        ), 422
    return preview(actor, setup, url_for("setups.add_file"), packed(content))


@pages.post("/settings/setups/file")
@when_fresh
def add_file(actor: Actor) -> Answer:
    actor.require(("settings", "edit"))
    content = unpacked(request.form.get("packed", ""))
    return added(applying.apply(actor, read(content, _("file"), actor.workspace.language)))


@pages.post("/settings/setups/export")
@when_fresh
def take(actor: Actor) -> Answer:
    content = export(actor)
    name = f"{actor.workspace.slug}.yaml"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, mimetype="application/yaml", headers=headers)


def shown(actor: Actor) -> Answer:
    actor.require(("settings", "edit"))
    language = actor.member.language
    setups = [(key, setup_of(key, language)) for key in industries()]
    return render(actor, "setups/index.html", setups=setups, said={key: counted(setup) for key, setup in setups})


def counted(setup: Setup) -> list[str]:
    """What is in it, in a few words."""
    found = {
        _("%(num)s stages", num=sum(len(one.stages) for one in setup.pipelines)): setup.pipelines,
        ngettext("%(num)s role", "%(num)s roles", len(setup.roles)): setup.roles,
        ngettext("%(num)s own field", "%(num)s own fields", len(setup.fields)): setup.fields,
        ngettext("%(num)s product", "%(num)s products", len(setup.products)): setup.products,
        ngettext("%(num)s web form", "%(num)s web forms", len(setup.forms)): setup.forms,
        ngettext("%(num)s process", "%(num)s processes", len(setup.processes)): setup.processes,
    }
    return [words for words, things in found.items() if things]


def known(actor: Actor, key: str) -> Setup:
    actor.require(("settings", "edit"))
    if key not in industries():
        raise NotFound()
    return setup_of(key, actor.workspace.language)


def preview(actor: Actor, setup: Setup, action: str, kept: str = "") -> Answer:
    parts = applying.preview(actor, setup)
    groups = [(words, [part for part in parts if part.kind == kind]) for kind, words in KINDS.items()]
    counts = Counter(part.state for part in parts)
    values: dict[str, Any] = {"setup": setup, "action": action, "packed": kept, "counts": counts}
    return render(actor, "setups/preview.html", groups=[one for one in groups if one[1]], **values)


def added(parts: list[Part]) -> Answer:
    new = sum(part.state in ("new", "draft") for part in parts)
    say(ngettext("%(num)s thing was added", "%(num)s things were added", new))
    return see(url_for("setups.index"))


def packed(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 9)).decode()


def unpacked(value: str) -> bytes:
    """What `packed` made, never more than a file may have. Raises Unreadable."""
    try:
        opened = zlib.decompressobj().decompress(base64.b64decode(value, validate=True), LARGEST + 1)
    except (ValueError, zlib.error):
        raise Unreadable((_("file"), _("Choose the file again."))) from None
    return opened
