"""The link at the end of each mail: it stops mail of those kinds, without a log-in, and by one click of a mail program.

GET only shows a page with a button, since scanners of mail follow links; POST does it, with a token that is a signature
of ours instead of a form's (RFC 8058). Whoever holds the link can do that and nothing else.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from flask import Blueprint, abort, g
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from config.settings import Settings
from core import signing
from core.db import Workspace, as_uuid, database
from core.letters import here
from core.pages import Answer, render
from crm.notifications import choices
from crm.notifications.kinds import KINDS, MAIL
from tenants.directory import locate_number
from tenants.models import Member

front = Blueprint("unsubscribe", __name__, template_folder="templates")
PURPOSE = "unsubscribe"


@dataclass(frozen=True)
class ByClock:
    """A letter that comes by the clock and is no kind of notification: its name, and how a member stops it."""

    label: Any
    stop: Callable[[Session, Workspace, UUID], None]


def stop_digest(session: Session, workspace: Workspace, member_id: UUID) -> None:
    choices.leave_channel(session, workspace, member_id, ["digest"], MAIL)


LETTERS: dict[str, ByClock] = {"digest": ByClock(_l("The digest each morning"), stop_digest)}


class Asked(NamedTuple):
    workspace: Workspace
    member: Member
    kinds: list[str]


def address(config: Settings, workspace: Workspace, member_id: UUID, kinds: Collection[str]) -> str:
    said = f"{workspace.id}.{member_id.hex}.{'-'.join(sorted(kinds))}"
    return f"{config.url}/unsubscribe/{said}.{signing.sign(config, PURPOSE, said)}"


@front.get("/unsubscribe/<link>")
def ask(link: str) -> Answer:
    asked = read(link)
    if asked is None:
        return render(None, "notifications/unsubscribe_stale.html"), 410
    return render(None, "notifications/unsubscribe.html", link=link, done=False, **words(asked))


@front.post("/unsubscribe/<link>")
def stop(link: str) -> Answer:
    asked = read(link)
    if asked is None:
        abort(400)
    with database().workspace(asked.workspace) as session, session.begin():
        choices.leave_channel(session, asked.workspace, asked.member.id, [k for k in asked.kinds if k in KINDS], MAIL)
        for letter in [LETTERS[name] for name in asked.kinds if name in LETTERS]:
            letter.stop(session, asked.workspace, asked.member.id)
    return render(None, "notifications/unsubscribe.html", link=link, done=True, **words(asked))


def read(link: str) -> Asked | None:
    """Whose link it is, where it is whole and its member still works there."""
    said, _dot, signature = link.rpartition(".")
    parts = said.split(".")
    if len(parts) != 3 or not parts[0].isdecimal() or not signing.signed(here(), PURPOSE, said, signature):
        return None
    workspace, member_id = locate_number(database(), int(parts[0])), as_uuid(parts[1])
    if workspace is None or member_id is None:
        return None
    with database().workspace(workspace, reading=True) as session:
        member = session.get(Member, member_id)
    return Asked(workspace, member, parts[2].split("-")) if member and member.state == "active" else None


def words(asked: Asked) -> dict[str, object]:
    g.language = asked.member.language
    labels = {name: kind.label for name, kind in KINDS.items()} | {name: one.label for name, one in LETTERS.items()}
    names = [str(labels[kind]) for kind in asked.kinds if kind in labels]
    return {"business": asked.workspace.name, "kinds": names, "slug": asked.workspace.slug}
