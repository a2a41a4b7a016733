"""What the tests of backups hold: a workspace with a row in each table, its contents by table, and its file."""

import io
from collections.abc import Collection
from typing import Any

from sqlalchemy import text

from core import files
from core.db import Workspace
from core.ids import new_id
from crm.models import METADATA
from tenants.backups import contents, keeping, making
from tenants.backups.contents import Contents
from tenants.backups.drill import there
from tenants.backups.making import Quiet
from tenants.backups.models import Backup
from tenants.backups.shape import Column, Table, shape_of
from tests.shop import Shop

PHOTO = b"not really a picture\n" * 100
ROWS = {
    "import_refused": """insert into import_refused
        select id, 2, 'email', 'email', array[E'a\\tb', null, '\\N'] from import""",
    "handover": """insert into handover (absence_id, record_id, kind, from_id, to_id, client_id)
        select absence.id, contact.id, 'contact', member_id, member_id, contact.id from absence, contact limit 1""",
    "usage": "insert into usage values ('contacts', current_date, 3)",
    "quote_counter": "insert into quote_counter values (2026, 7)",
    "done": "insert into done values ('a subscriber', '42')",
    "idempotent_answer": """insert into idempotent_answer (member_id, key, route, body_hash, body)
        select id, 'key', 'POST /', 'x', 'a secret answer' from member limit 1""",
    "watch": "insert into watch select contact.id, member.id, 'contact', true from contact, member limit 1",
    "notify_choice": """insert into notify_choice
        select id, '{"kinds": {"task_due": ["mail"]}, "digest": "07:00", "quiet": []}' from member limit 1""",
    "mail_block": "insert into mail_block (member_id, email, reason) select id, email, '550' from member limit 1",
    "extension": "insert into extension select id, '101' from member limit 1",
    "mail_file": """insert into mail_file (id, mail_id, name, size, file_key)
        select id, id, 'a.pdf', 0, '' from mail limit 1""",
    "push_subscription": """
        insert into push_subscription (id, member_id, endpoint, p256dh, auth, server_key, sign_in_id)
        select gen_random_uuid(), id, 'https://push.example.com/1', 'x', 'y', 'z', gen_random_uuid()
        from member limit 1""",
    "process_step": """insert into process_step (id, instance_id, token, element, kind)
        select gen_random_uuid(), id, gen_random_uuid(), 'call', 'user' from process_instance limit 1""",
    "awaited": "insert into awaited select gen_random_uuid(), 'deal.created', '', id from process_version limit 1",
    "weekly_report": "insert into weekly_report select id, 0, '08:00' from member limit 1",
    "contact": """update contact
        set about = E'a tab\\t, a line\\nand a \\\\ backslash', custom = '{"a": "\\\\ \\n"}'""",
}


def fill(shop: Shop) -> None:
    """A row in each table that no factory reaches, and a member's photo."""
    with shop.base.workspace(shop.workspace) as session, session.begin():
        for statement in ROWS.values():
            session.execute(text(statement))
    fill_photo(shop)


def fill_photo(shop: Shop) -> None:
    stored = files.put(shop.workspace, io.BytesIO(PHOTO))
    with shop.base.workspace(shop.workspace) as session, session.begin():
        photo = {"key": stored.key, "size": stored.size, "id": shop.owner_id}
        session.execute(text("update member set photo_key = :key, photo_size = :size where identity_id = :id"), photo)


def asked(shop: Shop, kind: str = "by hand") -> Backup:
    with shop.base.controlling() as control:
        backup = Backup(id=new_id(), workspace_id=shop.workspace.id, kind=kind)
        control.add(backup)
    return backup


def made(shop: Shop, kind: str = "by hand") -> Backup:
    return making.make(shop.base, asked(shop, kind).id)


def zip_of(shop: Shop) -> bytes:
    """The workspace's plain zip."""
    out = io.BytesIO()
    making.write(shop.base, shop.workspace.id, out, Quiet(lambda _done, _all: None))
    return out.getvalue()


def opened(content: bytes) -> Contents:
    return contents.opened(io.BytesIO(content), len(content))


def tallies(
    shop: Shop, workspace: Workspace | None = None, *, without: Collection[tuple[str, str]] = ()
) -> dict[str, int]:
    """Each table's rows as one number, as a file would have them; without some columns, and files by their number
    alone, since they are another workspace's."""
    where = workspace or shop.workspace
    found = {}
    with shop.base.workspace(where, reading=True) as session:
        for table in shape_of(session, where.schema).tables.values():
            columns = tuple(
                Column(c.name, c.type, c.nullable, f"split_part({c.name}, '/', 2)" if c.file else c.secret)
                for c in table.columns
                if (table.name, c.name) not in without
            )
            found[table.name] = there(session, Table(table.name, columns, {}), [c.name for c in columns])
    return found


def counts(shop: Shop, workspace: Workspace | None = None) -> dict[str, int]:
    where = workspace or shop.workspace
    with shop.base.workspace(where, reading=True) as session:
        return {
            name: session.execute(text(f'select count(*) from "{name}"')).scalar_one()
            for name in sorted(METADATA.tables)
        }


def rows(shop: Shop, sql: str, workspace: Workspace | None = None, **values: Any) -> list[Any]:
    with shop.base.workspace(workspace or shop.workspace) as session:
        return list(session.execute(text(sql), values).all())


def backups(shop: Shop) -> list[Backup]:
    """Those that the test made, the newest first; not the one of the factory."""
    with shop.base.controlling() as control:
        return [one for one in keeping.backups(control, shop.workspace.id) if one.error != "for a test"]
