"""Receiving: the mailbox of replies is read every minute, and what names a thread is put into it, once.

A mail is known by where it lies (mailbox, UIDVALIDITY, UID), since a Message-ID is whatever its sender writes. It is
stored first, with that place, in the workspace's own transaction; only then is the mark moved on. So a poller that is
killed in between reads it again and finds it there. Nothing in the mailbox is changed or deleted; what belongs to no
thread is listed (`okno mail stray`), and so is what could not be read.
"""

import imaplib
import io
import logging
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from config.settings import Imap, Settings, settings
from core import files
from core.db import Database, Workspace
from core.events import note_by_itself
from core.ids import new_id
from core.jobs import OutOfTime, Place, job
from crm.mails.addresses import thread_in
from crm.mails.models import Mail, MailFile, MailPlace, StrayMail
from crm.mails.reading import LARGEST, Reading, read
from crm.notifications.telling import tell_members
from tenants.directory import locate_number

log = logging.getLogger(__name__)

TIMEOUT = 30.0  # seconds for each answer of the server
MOST = 500  # mails of one round
TOLD_IN_AN_HOUR = 10  # of one thread: two robots that answer each other are not told of for ever
Key = tuple[str, int, int]


@job("mails.receive", limit=300)
def receive(place: Place) -> None:
    config = settings()
    if config.imap is not None:
        take_new(config, config.imap, place.database)


def take_new(config: Settings, imap: Imap, base: Database) -> int:
    """Everything that came since the last time; returns how many mails that were."""
    with connected(imap) as server:
        validity = validity_of(server)
        after = known_up_to(base, imap.name, validity)
        taken = 0
        for uid in uids_after(server, after)[:MOST]:
            take(config, base, server, (imap.name, validity, uid))
            move_on(base, imap.name, validity, uid)
            taken += 1
    return taken


@contextmanager
def connected(imap: Imap) -> Iterator[imaplib.IMAP4]:
    context = ssl.create_default_context()
    server: imaplib.IMAP4
    if imap.security == "tls":
        server = imaplib.IMAP4_SSL(imap.host, imap.port, ssl_context=context, timeout=TIMEOUT)
    else:
        server = imaplib.IMAP4(imap.host, imap.port, timeout=TIMEOUT)
    with server:
        if imap.security == "starttls":
            server.starttls(context)
        server.login(imap.user, imap.password)
        answer, said = server.select(f'"{imap.folder}"', readonly=True)
        if answer != "OK":
            raise imaplib.IMAP4.error(f"no such folder: {said!r}")
        yield server


def validity_of(server: imaplib.IMAP4) -> int:
    _answer, said = server.response("UIDVALIDITY")
    return int(said[0]) if said and said[0] else 0


def known_up_to(base: Database, mailbox: str, validity: int) -> int:
    """The last UID that was read; none where the server counts anew."""
    with base.controlling() as control:
        place = control.get(MailPlace, mailbox)
        return place.uid if place and place.uidvalidity == validity else 0


def uids_after(server: imaplib.IMAP4, after: int) -> list[int]:
    """In order. Of "n:*" a server gives at least the last mail, even where its number is lower."""
    _answer, said = server.uid("SEARCH", f"UID {after + 1}:*")
    return sorted(uid for uid in map(int, (said[0] or b"").split()) if uid > after)


def take(config: Settings, base: Database, server: imaplib.IMAP4, key: Key) -> None:
    """One mail. Whatever it is, the next one has its turn."""
    try:
        size, written = fetched(server, key[2])
        why = store(config, base, key, size, written)
    except (imaplib.IMAP4.error, OSError, OutOfTime):
        raise  # the server's trouble or the clock's; this mail is read again
    except Exception as error:
        log.exception("a mail could not be taken in")
        why = f"failed: {type(error).__name__}"
    if why:
        with base.controlling() as control:
            mailbox, validity, uid = key
            row = insert(StrayMail).values(mailbox=mailbox, uidvalidity=validity, uid=uid, why=why)
            control.execute(row.on_conflict_do_nothing())


def fetched(server: imaplib.IMAP4, uid: int) -> tuple[int, bytes]:
    """The mail's size and its bytes; of one that is too large its head alone."""
    _answer, said = server.uid("FETCH", str(uid), "(RFC822.SIZE)")
    sizes = re.search(rb"RFC822\.SIZE (\d+)", b" ".join(one for one in said if isinstance(one, bytes)))
    size = int(sizes[1]) if sizes else 0
    part = f"BODY.PEEK[]<0.{LARGEST}>" if size <= LARGEST else "BODY.PEEK[HEADER]<0.65536>"
    _answer, said = server.uid("FETCH", str(uid), f"({part})")
    return size, next((one[1] for one in said if isinstance(one, tuple)), b"")


def store(config: Settings, base: Database, key: Key, size: int, written: bytes) -> str:
    """Put the mail into its thread. Returns why it belongs to none, or "" where it does."""
    found = read(written)
    named = next((thread for text in found.to if (thread := thread_in(config, text))), None)
    if named is None:
        return "it names no thread of ours"
    workspace = locate_number(base, named[0])
    if workspace is None:
        return "its workspace is gone"
    if size > LARGEST:
        found.text, found.html, found.files = "", "", []
    with base.workspace(workspace) as session, session.begin():
        first = session.scalar(select(Mail).where(Mail.thread_id == named[1]).order_by(Mail.at, Mail.id).limit(1))
        if first is None:
            return "its thread is gone"
        mail = stored(session, first, found, "/".join(map(str, key)), "too large" if size > LARGEST else "")
        if mail is not None:
            keep_files(session, workspace, mail, found)
            tell(session, workspace, mail)
    return ""


def stored(session: Session, first: Mail, found: Reading, source: str, error: str) -> Mail | None:
    """The new row, or None where the mail is in already."""
    values = {
        "id": new_id(), "thread_id": first.thread_id, "direction": "in", "state": "received", "error": error,
        "from_name": found.from_name, "from_address": found.from_address, "to_address": first.from_address,
        "subject": found.subject, "text": found.text, "html": found.html, "at": datetime.now(UTC),
        "message_id": found.message_id, "automatic": found.automatic, "checked": found.checked, "source": source,
        "member_id": first.member_id, "contact_id": first.contact_id, "deal_id": first.deal_id,
    }  # fmt: skip
    row = insert(Mail).values(values).on_conflict_do_nothing().returning(Mail.id)
    mail_id: UUID | None = session.scalar(row)
    return session.get(Mail, mail_id) if mail_id else None


def keep_files(session: Session, workspace: Workspace, mail: Mail, found: Reading) -> None:
    for file in found.files:
        kept = files.put(workspace, io.BytesIO(file.content))
        session.add(MailFile(mail_id=mail.id, name=file.name, size=kept.size, file_key=kept.key))


def tell(session: Session, workspace: Workspace, mail: Mail) -> None:
    """Its event, by which processes begin, and a word to whose thread it is; not of what a machine answered."""
    said = {"from": mail.from_address, "contact_id": mail.contact_id, "deal_id": mail.deal_id}
    note_by_itself(session, "mail.received", "mail", [(mail.id, mail.title(), said)], change="created", via="mail")
    lately = select(func.count()).where(
        Mail.thread_id == mail.thread_id, Mail.direction == "in", Mail.at > func.now() - timedelta(hours=1)
    )
    if mail.automatic or mail.member_id is None or (session.scalar(lately) or 0) > TOLD_IN_AN_HOUR:
        return
    kind, record_id = ("deal", mail.deal_id) if mail.deal_id else ("contact", mail.contact_id)
    data = {"record_kind": kind, "record_id": record_id}
    tell_members(session, workspace, "mail_answer", mail.id, [mail.member_id], title=mail.subject, **data)


def move_on(base: Database, mailbox: str, validity: int, uid: int) -> None:
    with base.controlling() as control:
        row = insert(MailPlace).values(mailbox=mailbox, uidvalidity=validity, uid=uid)
        values = {"uidvalidity": validity, "uid": uid, "read_at": func.now()}
        control.execute(row.on_conflict_do_update(index_elements=[MailPlace.mailbox], set_=values))
