"""Push to the browsers of a member: taking and giving up a browser, and the job that sends.

The service's address is named by the browser, so it is asked by core.outbound alone. A browser hears only while the
session lives in which its owner agreed: who has logged out there is shown nothing there any more.
"""

import logging
from typing import Annotated
from uuid import UUID

import orjson
from flask_babel import force_locale
from flask_babel import gettext as _
from pydantic import Field, ValidationError
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from core import outbound
from core.actions import Input
from core.actor import Actor
from core.errors import Invalid
from core.jobs import Done, Place, job, once
from core.letters import here
from crm.notifications import webpush
from crm.notifications.lines import Line, lines
from crm.notifications.models import Notification, PushSubscription
from tenants.members import NotAMember, acting_member
from tenants.models import SignIn

log = logging.getLogger(__name__)

MOST = 10  # browsers of one member
LONGEST = 160  # characters of each text of a message
GONE = (404, 410)
REFUSED = (400, 401, 403, 413)  # trying again changes nothing


class NotPushed(Exception):
    """The service did not take it now; another attempt may succeed."""


class Browser(Input):
    endpoint: Annotated[str, Field(max_length=1000, pattern=r"^https://")]
    p256dh: Annotated[str, Field(max_length=200)]
    auth: Annotated[str, Field(max_length=100)]
    server_key: Annotated[str, Field(max_length=200)]


def browser_of(given: dict[str, str]) -> Browser:
    """Raises Invalid."""
    try:
        return Browser.model_validate(given)
    except ValidationError as error:
        raise Invalid.of(error) from None


def agree(actor: Actor, data: Browser, sign_in_id: UUID, device: str) -> None:
    """From now on tell this member in this browser, and nobody else in it. Raises Invalid."""
    try:
        webpush.encrypted(b"", data.p256dh, data.auth)
        outbound.place_of(here(), data.endpoint)
    except (ValueError, outbound.Unreachable):
        raise Invalid(("endpoint", _("This browser's push service cannot be used."))) from None
    with actor.transaction():
        values = {**data.model_dump(), "member_id": actor.member.id, "sign_in_id": sign_in_id, "device": device[:200]}
        row = insert(PushSubscription).values(**values)
        actor.db.execute(row.on_conflict_do_update(index_elements=[PushSubscription.endpoint], set_=values))
        newest = select(PushSubscription.id).where(PushSubscription.member_id == actor.member.id)
        kept = newest.order_by(PushSubscription.created_at.desc(), PushSubscription.id.desc()).limit(MOST)
        mine = PushSubscription.member_id == actor.member.id
        actor.db.execute(delete(PushSubscription).where(mine, PushSubscription.id.not_in(kept)))


def give_up(actor: Actor, endpoint: str) -> None:
    """Tell this member nothing in that browser any more."""
    with actor.transaction():
        mine = PushSubscription.member_id == actor.member.id
        actor.db.execute(delete(PushSubscription).where(mine, PushSubscription.endpoint == endpoint))


@job("notifications.push")
def push(place: Place, notification_id: str) -> None:
    """To each browser of the member, once; where the service is away, those that are left are tried again."""
    with place.database.workspace(place.here(), reading=True) as session:
        row = session.get(Notification, UUID(notification_id))
        browsers = list(
            session.scalars(select(PushSubscription).where(PushSubscription.member_id == row.member_id)) if row else ()
        )
    if row is None or row.read_at or not browsers:
        return
    try:
        with acting_member(place.database, place.here(), row.member_id, "job") as actor:
            with force_locale(actor.member.language):
                found = [line for line in lines(actor, [row]) if line.visible]
            business, slug = actor.workspace.name, actor.workspace.slug
    except NotAMember:
        return
    live = sessions_alive(place, [browser.sign_in_id for browser in browsers])
    message = written(found[0], business, slug) if found else b""
    away = []
    for browser in browsers:
        if browser.sign_in_id not in live:
            forget(place, browser)
        elif message and not was_pushed(place, row, browser) and not send(place, browser, message, found[0], row):
            away.append(browser)
    if away:
        raise NotPushed(f"{len(away)} push services did not take it")


def sessions_alive(place: Place, ids: list[UUID]) -> set[UUID]:
    with place.database.controlling() as control:
        return set(control.scalars(select(SignIn.id).where(SignIn.id.in_(ids))))


def written(line: Line, business: str, slug: str) -> bytes:
    """What the browser shows: small, and nothing that is not on the page it leads to."""
    text = line.said or business
    path = f"/{slug}{line.path or '/notifications/'}"
    said = {"title": line.plain[:LONGEST], "text": text[:LONGEST], "url": path, "tag": str(line.id)}
    return orjson.dumps(said)


def was_pushed(place: Place, row: Notification, browser: PushSubscription) -> bool:
    with place.database.workspace(place.here(), reading=True) as session:
        return session.get(Done, ("push", f"{row.id} {browser.id}")) is not None


def send(place: Place, browser: PushSubscription, message: bytes, line: Line, row: Notification) -> bool:
    """False where another attempt may succeed. What was told is marked; a browser that is gone is forgotten."""
    key = webpush.known_as(here(), browser.server_key)
    if key is None:
        forget(place, browser)
        return True
    body = webpush.encrypted(message, browser.p256dh, browser.auth)
    try:
        reply = outbound.post(
            here(), browser.endpoint, body, webpush.headers(here(), key, browser.endpoint, line.kind.queue == "urgent")
        )
    except outbound.Unreachable as error:
        log.info("a push service is not reached: %s", error)
        return False
    if reply.status in GONE:
        forget(place, browser)
    elif reply.status in REFUSED:
        log.warning("a push service answered %s", reply.status)
    elif not 200 <= reply.status < 300:
        return False
    mark(place, row, browser)
    return True


def mark(place: Place, row: Notification, browser: PushSubscription) -> None:
    with place.database.workspace(place.here()) as session, session.begin():
        once(session, "push", f"{row.id} {browser.id}")


def forget(place: Place, browser: PushSubscription) -> None:
    with place.database.workspace(place.here()) as session, session.begin():
        session.execute(delete(PushSubscription).where(PushSubscription.id == browser.id))
