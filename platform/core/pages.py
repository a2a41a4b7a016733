"""The page kit: what every page has in common. Pages parse, call an action or a query, and render; nothing else.

    pages = Pages("contacts", __name__)

    @pages.get("/contacts/")
    def index(actor: Actor) -> str: ...

The actor is opened for the request and closed after it. Public pages (sign-up) use `front`, without an actor.
"""

import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import wraps
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import orjson
from flask import Blueprint, Response, current_app, flash, g, redirect, render_template, request
from flask_babel import format_date, format_datetime, format_decimal, format_time, get_locale
from flask_babel import gettext as _
from markupsafe import Markup, escape
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from core.actor import Actor
from core.errors import Invalid

FORMS = {"contacts": "contact", "companies": "company", "deals": "deal"}  # whose fields the forms of a feature have
Answer = str | AnyResponse | tuple[str, int]
BUILD = Path(__file__).parent / "static" / "build"
NBSP = "\N{NO-BREAK SPACE}"


class Pages(Blueprint):
    """A feature's pages, inside a workspace. Its templates stand in the feature's folder templates/<name>/."""

    def __init__(self, name: str, import_name: str):
        super().__init__(name, import_name, template_folder="templates")

    def page(self, rule: str, methods: list[str], endpoint: str | None = None) -> Callable[..., Any]:
        def declare(view: Callable[..., Answer]) -> Callable[..., Answer]:
            @wraps(view)
            def entered(**values: Any) -> Answer:
                enter: Callable[[], AbstractContextManager[Actor]] = current_app.extensions["okno.enter_page"]
                with enter() as actor:
                    g.actor = actor
                    return view(actor, **values)

            self.add_url_rule(rule, endpoint or view.__name__, entered, methods=methods)
            return view

        return declare

    def get(self, rule: str, **options: Any) -> Callable[..., Any]:
        return self.page(rule, ["GET"], **options)

    def post(self, rule: str, **options: Any) -> Callable[..., Any]:
        return self.page(rule, ["POST"], **options)


def render(actor: Actor | None, template: str, **values: Any) -> str:
    """A whole page. The actor is a template's `actor`; public pages give None."""
    return render_template(template, actor=actor, **values)


def locked(name: str) -> bool:
    """Whether the field of the present page's form is one that its reader may not change."""
    actor: Actor | None = g.get("actor")
    kind = FORMS.get(request.blueprint or "")
    return actor is not None and kind is not None and name.partition(".")[0] in actor.locked(kind)


def refused(actor: Actor | None, template: str, error: Invalid, **values: Any) -> tuple[str, int]:
    """The form again, with what was typed and a message beside each field, as status 422."""
    errors = {name: str(message) for name, message in error.fields}
    return render(actor, template, errors=errors, **values), 422


def see(url: str) -> AnyResponse:
    """Go and look at the result: 303, as Turbo asks after a form."""
    return redirect(url, 303)


def say(text: str, undo: str | None = None) -> None:
    """A message on the page that follows. `undo` is the URL that takes back what it tells of."""
    flash({"text": text, "undo": undo} if undo else text)  # type: ignore[arg-type]


def came_from(otherwise: str) -> str:
    """Where the person was when the form was opened, as its `next` says: a path of this workspace, for any other
    address could lead to a stranger's page; else `otherwise`."""
    wanted = request.form.get("next") or request.args.get("next") or ""
    here = wanted.startswith(f"{request.script_root}/") and wanted.isprintable() and "\\" not in wanted
    return wanted if here and not wanted.startswith("//") else otherwise


def form_values(form: "MultiDict[str, str]", *lists: str) -> dict[str, Any]:
    """A form as nested values: `emails-0-address=..` becomes {"emails": [{"address": ..}]}.

    Names in `lists` collect all their values ("labels"). Rows of a list in which nobody typed (all but `kind` empty)
    are left out, and so are the fields of the form itself (csrf_token, and those of crm.accounts.again).
    """
    values: dict[str, Any] = {}
    rows: dict[str, dict[int, dict[str, str]]] = {}
    for name in form:
        if name == "csrf_token" or name.startswith("again-"):
            continue
        nested = re.fullmatch(r"([a-z_]+)-(\d{1,3})-([a-z_]+)", name)
        if nested:
            rows.setdefault(nested[1], {}).setdefault(int(nested[2]), {})[nested[3]] = form[name]
        elif name in lists:
            values[name] = [value for value in form.getlist(name) if value.strip()]
        elif "." in name:  # boxes to tick, with an empty one before them for none
            values[name] = "\n".join(form.getlist(name)).replace("\r\n", "\n").strip()
        else:
            values[name] = form[name].replace("\r\n", "\n")
    for name, found in rows.items():
        values[name] = [
            row
            for _number, row in sorted(found.items())
            if any(value.strip() for key, value in row.items() if key != "kind")
        ]
    return values


def blank_to_none(values: dict[str, Any], *names: str) -> dict[str, Any]:
    """An empty field of a form means "none" where the input's type is not text."""
    return {key: None if key in names and value == "" else value for key, value in values.items()}


def url_with(**changes: Any) -> str:
    """The present URL with some parameters changed; None takes one away. A list's state lives in its URL."""
    kept = {key: request.args.getlist(key) for key in request.args}
    for key, value in changes.items():
        if value is None or value == "":
            kept.pop(key, None)
        else:
            kept[key] = [str(value)]
    query = urlencode(kept, doseq=True)
    return request.script_root + request.path + ("?" + query if query else "")


def zone_of(actor: Actor | None) -> ZoneInfo:
    return ZoneInfo(actor.member.time_zone if actor else g.get("time_zone", "UTC"))


def money(amount: Decimal | float | None, currency: str) -> str:
    """ "CZK 148,900" or "148 900 Kč", in no-break spaces; cents only where there are any."""
    if amount is None:
        return ""
    return priced(format_decimal(amount, "#,##0" if amount == int(amount) else "#,##0.00"), currency)


def number(value: Decimal | float | str) -> str:
    """A quantity or a rate, without zeros at its end."""
    return str(format_decimal(Decimal(value), "#,##0.###"))


def priced(number: str, currency: str) -> str:
    """A written number with its currency, in the order of the language."""
    if in_czech():
        return f"{number}{NBSP}{ {'CZK': 'Kč', 'EUR': '€', 'USD': '$'}.get(currency, currency) }"
    return f"{currency}{NBSP}{number}"


def day(value: date | None) -> str:
    """ "today", "tomorrow", "Fri" within a week, else "19 Nov", with the year only if it is another."""
    if value is None:
        return ""
    today = today_of(g.get("actor"))
    distance = (value - today).days
    near = {-1: _("yesterday"), 0: _("today"), 1: _("tomorrow")}
    if distance in near:
        return str(near[distance])
    if 1 < distance < 7:
        return str(format_date(value, "EEE"))
    pattern = f"d.{NBSP}M." if in_czech() else f"d{NBSP}MMM"
    return str(format_date(value, pattern if value.year == today.year else f"{pattern}{NBSP}y"))


def long_day(value: date) -> str:
    """ "Tuesday 24 November", "Úterý 24. listopadu": the day as a heading."""
    said = str(format_date(value, "EEEE d. MMMM" if in_czech() else "EEEE d MMMM"))
    return said[0].upper() + said[1:]


def written_day(value: str) -> str:
    """ "31 Oct 2026": a day of a filter, the year always with it."""
    try:
        return str(format_date(date.fromisoformat(value), "d. M. y" if in_czech() else "d MMM y"))
    except ValueError:
        return value


def in_czech() -> bool:
    locale = get_locale()
    return locale is not None and locale.language == "cs"


def when(value: datetime | None) -> Markup:
    """An instant in the member's zone: "today 09:30", "19 Nov 14:52", the exact time in the title."""
    if value is None:
        return Markup("")
    local = value.astimezone(zone_of(g.get("actor")))
    clock = format_time(local, "HH:mm", rebase=False)
    exact = format_datetime(local, "full", rebase=False)
    said = f"{day(local.date())} {clock}"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(value.isoformat(), exact, said)


def clock(value: datetime | None) -> str:
    """The hour and minute of an instant in the member's zone."""
    if value is None:
        return ""
    return str(format_time(value.astimezone(zone_of(g.get("actor"))), "HH:mm", rebase=False))


def today_of(actor: Actor | None) -> date:
    """The day it is for this member."""
    return datetime.now(UTC).astimezone(zone_of(actor)).date()


class Assets:
    """Names of the built page assets, from Vite's manifest."""

    def __init__(self, build: Path = BUILD):
        self.build = build
        self.manifest: dict[str, Any] = {}
        self.sprite = ""

    def load(self) -> None:
        manifest = self.build / "manifest.json"
        self.manifest = orjson.loads(manifest.read_bytes()) if manifest.exists() else {}

    def url(self, name: str) -> str:
        """Where a built file is served. Raises LookupError for a name the build does not know."""
        if not self.manifest:
            self.load()
        for key in (name, f"src/{name}"):
            if key in self.manifest:
                return f"/static/build/{self.manifest[key]['file']}"
        raise LookupError(f"no page asset is called {name}: run `make assets`")

    def styles(self, name: str) -> list[str]:
        self.url(name)
        entry = self.manifest.get(name) or self.manifest[f"src/{name}"]
        return [f"/static/build/{style}" for style in entry.get("css", [])]


def static_file(filename: str) -> Response:
    """A built file, packed by the build where the browser takes that: smaller than what is packed on each visit."""
    if request.accept_encodings.quality("br"):
        with suppress(NotFound):
            return current_app.send_static_file(f"{filename}.br")
    return current_app.send_static_file(filename)


def icon(name: str, css: str = "") -> Markup:
    sprite = current_app.extensions["okno.assets"].url("icons.svg")
    return Markup('<svg class="i {}" aria-hidden="true"><use href="{}#{}"></use></svg>').format(css, sprite, name)


def csp_nonce() -> str:
    """A fresh value for this answer, which Turbo's own style element carries."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    return str(g.csp_nonce)


def security_headers(response: Response) -> Response:
    """Headers of every answer: nothing from elsewhere runs, nothing is framed, nothing is kept by a shared cache."""
    stream = current_app.extensions["okno.stream_origin"]()
    style = f"'self' 'nonce-{g.csp_nonce}'" if "csp_nonce" in g else "'self'"
    frames = g.get("frame_src", "'none'")
    response.headers.setdefault(
        "Content-Security-Policy",
        f"default-src 'none'; script-src 'self'; style-src {style}; connect-src 'self' {stream}; font-src 'self'; "
        f"img-src 'self' data: blob:; frame-src {frames}; worker-src 'self'; manifest-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'; object-src 'none'",
    )
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    if request.path.startswith("/static/build/"):
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    else:
        response.headers.setdefault("Cache-Control", "private, no-store")
        response.vary.update(["Cookie", "Authorization"])
    if current_app.config["SESSION_COOKIE_SECURE"]:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    return response


def highlight(text: str, values: Mapping[str, Any], **plain: Any) -> Markup:
    """A translated sentence with its values in bold, those in `plain` as they are; all are escaped."""
    bold = {key: Markup("<b>{}</b>").format(value) for key, value in values.items()}
    return escape(text) % {**bold, **plain}
