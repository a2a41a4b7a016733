"""The public side of a form: its page, alone or in a frame of another site, and what is sent by it.

No cookies, nothing of the signed-in pages, and no script needed. Only the sites that the form names may frame it. The
answer to a sending comes after the commit; the same page sent again is the same request.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, current_app, g, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from werkzeug.exceptions import HTTPException

from config.settings import Settings
from core.db import Workspace, database
from core.errors import NotFound, Refusal
from core.pages import BUILD, Answer
from crm.accounts.limits import address
from crm.forms import answers, spam, uploads
from crm.forms.answers import UTM, Answers
from crm.forms.fields import OWN
from crm.forms.models import Form
from crm.forms.own import Own, asked_in, own_fields
from crm.requests import actions
from crm.requests.models import RequestFile
from tenants.directory import check_not_restoring, locate_number
from tenants.members import acting_client
from tenants.models import WorkspaceRow

front = Blueprint("form", __name__, template_folder="templates")

PLACE = "/f/<int(max=999999999999):number>-<key>"
TRAP = "website"  # a field that people do not see


@dataclass(frozen=True)
class Shown:
    """An open form, of which workspace, the business's own fields, and how its page is looked at."""

    workspace: Workspace
    form: Form
    own: Own
    framed: bool

    @property
    def place(self) -> dict[str, Any]:
        framed = {"frame": "1"} if self.framed else {}
        return {"number": self.workspace.id, "key": self.form.key, **framed}


@front.get(PLACE)
def page(number: int, key: str) -> Answer:
    shown = opened(number, key)
    carried = {name: request.args[name] for name in (*UTM, "page") if request.args.get(name)}
    return asked(shown, Answers(typed=carried), fresh_token(shown))


@front.post(PLACE)
def send(number: int, key: str) -> Answer:
    request.max_content_length = uploads.BODY
    shown = opened(number, key)
    posted, given = posted_to(shown), request.form.get("token", "")
    sent = [(name, one) for name, one in request.files.items(multi=True) if one.filename]
    found = answers.read(shown.form, posted, shown.own, frozenset(name for name, _one in sent))
    ticket = spam.read(config(), shown.form.key, given)
    try:
        files = uploads.checked(one for _name, one in sent)
    except ValueError as error:
        files, found.errors[sent[0][0]] = [], str(error)
    if ticket is None:
        found.errors[""] = _("This page has been open for too long. Look it over and send it again.")
        return asked(shown, found, fresh_token(shown), 422)
    if found.errors:
        return asked(shown, found, given, 422)
    crowd = spam.crowds().note(shown.form.id, address())
    if crowd.too_many:
        found.errors[""] = _(
            "Too much is being sent at this moment. What you typed is kept: send it again in a minute."
        )
        return asked(shown, found, given, 429)
    worked = spam.proven(given, posted.get("work", ""), ticket.bits)
    doubts = spam.doubts(ticket, crowd, trapped=bool(posted.get(TRAP)), worked=worked)
    receive(shown, ticket.id, {**found.said, "doubts": doubts}, files)
    return redirect(url_for("form.done", **shown.place), 303)


def posted_to(shown: Shown) -> dict[str, str]:
    """What was sent by name; of several boxes ticked each in a line."""
    several = [one["id"] for one, kind in asked_in(shown.form.fields, shown.own) if kind.shape == "choices"]
    return {**request.form.to_dict(), **{name: "\n".join(request.form.getlist(name)) for name in several}}


@front.get(f"{PLACE}/done")
def done(number: int, key: str) -> Answer:
    shown = opened(number, key)
    return framable(shown, render_template("forms/done.html", **shown_values(shown)))


@front.get(f"{PLACE}/look.css")
def look(number: int, key: str) -> Response:
    """The form's own colour, with ink on it that can be read."""
    colour = str(opened(number, key).form.look.get("colour") or "#1f6f54")
    style = f":root {{ --own: {colour}; --on-own: {ink_on(colour)}; }}\n"
    return Response(style, content_type="text/css; charset=utf-8", headers={"Cache-Control": "no-cache"})


@front.get(f"{PLACE}/embed.js")
def embed(number: int, key: str) -> Response:
    """The script that puts the form into any site's page: the same for all forms, which its own address names."""
    opened(number, key)
    name = current_app.extensions["okno.assets"].url("embed.ts").rsplit("/", 1)[1]
    headers = {"Cache-Control": "public, max-age=600", "Cross-Origin-Resource-Policy": "cross-origin"}
    return Response(Path(BUILD / name).read_bytes(), content_type="text/javascript; charset=utf-8", headers=headers)


@front.errorhandler(Refusal)
def show_refusal(refusal: Refusal) -> Answer:
    return message(str(refusal.title), str(refusal.detail), refusal.status)


@front.errorhandler(HTTPException)
def show_error(error: HTTPException) -> Answer:
    if error.code == 413:
        return message(_("This is too big"), _("A file may have at most 10 MB, all together 25 MB. Go back: what you "
                       "typed is still there."), 413)  # fmt: skip
    return message(
        _("This request cannot be understood"), _("Go back, reload the page and try again."), error.code or 400
    )


def message(title: str, text: str, status: int) -> Answer:
    return render_template("forms/message.html", title=title, text=text), status


def opened(number: int, key: str) -> Shown:
    """Raises NotFound for a form that is not there, was deleted or is switched off, BeingRestored."""
    workspace = locate_number(database(), number)
    if workspace is None:
        check_not_restoring(database(), WorkspaceRow.id == number)
        raise NotFound(_("This form is not there any more."))
    g.language = workspace.language
    with database().workspace(workspace, reading=True) as session:
        form = session.scalar(select(Form).where(Form.key == key, Form.deleted_at.is_(None)))
        asks = form is not None and any(one["kind"] == OWN for one in form.fields)
        own = own_fields(session) if asks else {}
    previewed = request.method == "GET" and "preview" in request.args
    if form is None or not (form.active or previewed):
        raise NotFound(_("This form is closed."))
    return Shown(workspace, form, own, "frame" in request.args)


def asked(shown: Shown, found: Answers, token: str, status: int = 200) -> Response:
    """The page of the form, with what was typed and what is to be corrected."""
    ticket = spam.read(config(), shown.form.key, token)
    hidden = {name: value for name, value in found.typed.items() if name in (*UTM, "page")}
    response = framable(
        shown,
        render_template(
            "forms/page.html",
            typed=found.typed,
            errors=found.errors,
            hidden=hidden,
            token=token,
            bits=ticket.bits if ticket else spam.BITS,
            fields=asked_in(shown.form.fields, shown.own),
            accept=uploads.ACCEPT,
            most=uploads.MOST_ALL,
            preview="preview" in request.args,
            **shown_values(shown),
        ),
    )
    response.status_code = status
    return response


def shown_values(shown: Shown) -> dict[str, Any]:
    return {"form": shown.form, "place": shown.place, "framed": shown.framed, "workspace": shown.workspace}


def fresh_token(shown: Shown) -> str:
    return spam.token(config(), shown.form.key, spam.bits_for(spam.crowds().by_form(shown.form.id)))


def receive(shown: Shown, request_id: UUID, said: dict[str, Any], files: list[Any]) -> None:
    """Files first, since a row never names what is not there; those of a second sending go again."""
    kept = uploads.keep(shown.workspace, files)
    try:
        with acting_client(database(), shown.workspace, request.remote_addr or "") as actor:
            values = {"id": request_id, "source": "form", "form_id": shown.form.id, "files": kept, **said}
            actions.receive(actor, actions.receive.parse(values))
            theirs = select(RequestFile.file_key).where(RequestFile.request_id == request_id)
            named = set(actor.db.scalars(theirs)) if kept else set()
    except BaseException:
        uploads.drop(kept)
        raise
    uploads.drop(one for one in kept if one["file_key"] not in named)


def framable(shown: Shown, page: str) -> Response:
    """Only the sites named may show it in a frame; nothing but our own runs in it."""
    response = make_response(page)
    frames = " ".join(["'self'", *shown.form.origins])
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; "
        f"worker-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors {frames}"
    )
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def ink_on(colour: str) -> str:
    """White or nearly black, whichever differs more (WCAG 2.2, relative luminance)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    bright = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return "#ffffff" if 1.05 / (bright + 0.05) >= (bright + 0.05) / 0.0556 else "#111111"


def config() -> Settings:
    found: Settings = current_app.config["OKNO"]
    return found
