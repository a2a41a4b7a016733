"""/dev/mail: what the embedded run would have sent, newest first."""

import email
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage, Message
from email.utils import parsedate_to_datetime

from flask import Blueprint, Flask, Response, abort, g, make_response
from flask_babel import format_datetime

from core.letters import here
from core.mail import local_mailbox
from core.pages import Answer, in_czech, render
from crm.doors import signed_in

mailbox = Blueprint("mailbox", __name__, url_prefix="/dev/mail", template_folder="templates")

SHOWN = 200
# A mail is somebody else's page: it runs nothing, loads nothing, and is of no origin.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; frame-ancestors 'self'"
)


@dataclass(frozen=True)
class Mail:
    key: str
    to: str
    sender: str
    subject: str
    at: datetime | None
    text: str
    html: str
    files: list[tuple[str, bytes]]


@mailbox.before_request
def tell_time() -> None:
    person = signed_in()
    if person:
        g.time_zone = person.time_zone


@mailbox.get("/")
def index() -> Answer:
    box = local_mailbox(here())
    mails = sorted((read(key, box.get_bytes(key)) for key in list(box.iterkeys())), key=age, reverse=True)
    return render(None, "mailbox/index.html", mails=mails[:SHOWN], written=written)


@mailbox.get("/<key>")
def message(key: str) -> Answer:
    g.frame_src = "'self'"
    return render(None, "mailbox/message.html", mail=found(key), written=written)


@mailbox.get("/<key>/html")
def html(key: str) -> Response:
    response = make_response(found(key).html)
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    return response


@mailbox.get("/<key>/files/<int:number>")
def file(key: str, number: int) -> Response:
    files = found(key).files
    if number >= len(files):
        abort(404)
    name, content = files[number]
    response = Response(content, content_type="application/octet-stream")
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def found(key: str) -> Mail:
    box = local_mailbox(here())
    if key not in box:
        abort(404)
    return read(key, box.get_bytes(key))


def read(key: str, written: bytes) -> Mail:
    parsed = email.message_from_bytes(written, _class=EmailMessage, policy=policy.default)
    bodies = {kind: parsed.get_body((kind,)) for kind in ("plain", "html")}
    text, html = (str(part.get_content()) if part else "" for part in (bodies["plain"], bodies["html"]))
    date = parsed["Date"]
    at = parsedate_to_datetime(str(date)) if date else None
    files = [(part.get_filename() or "file", content_of(part)) for part in parsed.iter_attachments()]
    return Mail(key, str(parsed["To"]), str(parsed["From"]), str(parsed["Subject"]), at, text, html, files)


def content_of(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def age(mail: Mail) -> tuple[datetime, str]:
    return (mail.at or datetime.min.replace(tzinfo=UTC), mail.key)


def written(at: datetime | None) -> str:
    return str(format_datetime(at, "d. M. HH:mm:ss" if in_czech() else "d MMM HH:mm:ss")) if at else ""


def register(app: Flask) -> None:
    if app.config["OKNO"].embedded:
        app.register_blueprint(mailbox)
