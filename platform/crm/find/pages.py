"""The palette and the page of quick find."""

from flask import render_template, request

from core.actor import Actor
from core.pages import Pages, render
from core.text import searchable
from crm.find.queries import find, marked

pages = Pages("find", __name__)

LONGEST = 200


@pages.get("/find")
def index(actor: Actor) -> str:
    """Records first, then what can be done. The palette asks for the hits alone."""
    q = request.args.get("q", "").replace("\0", "").strip()[:LONGEST]
    palette = request.headers.get("Turbo-Frame") == "hits"
    values = {
        "q": q,
        "hits": find(actor, q),
        "marked": marked,
        "asked": bool(searchable(q).strip()),
        "palette": palette,
    }
    if palette:
        return render_template("find/hits.html", actor=actor, **values)
    return render(actor, "find/index.html", **values)
