"""Who in the workspace is the same as who in the file: contacts by e-mail or phone, companies by their plain name."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import ARRAY, Text, bindparam, func, literal_column, select, text, true
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import aliased

from core.actor import Actor
from core.text import plain
from crm.companies.models import Company
from crm.contacts.models import Contact

PREFIX = 40  # letters of `search` in the index ix_company_prefix


def take_turn(actor: Actor) -> None:
    """Begin to store: two imports of one workspace, and two workers of one import, take turns by the batch, so that
    each sees whom the other has made. Whatever the batch depends on is read after this."""
    prepare_transaction(actor)
    key = {"workspace": f"import into {actor.workspace.schema}"}
    actor.db.execute(text("select pg_advisory_xact_lock(hashtextextended(:workspace, 0))"), key)


def prepare_transaction(actor: Actor) -> None:
    """A batch may take longer than a request, and wait for another import. A table that has just grown has no
    statistics yet, by which all of it would be scanned for each key."""
    for setting in ("statement_timeout = '120s'", "lock_timeout = '60s'", "enable_seqscan = off"):
        actor.db.execute(text(f"set local {setting}"))


@contextmanager
def planned_anew(actor: Actor) -> Iterator[None]:
    """Plans made when the table was empty are of no use inside; outside, each foreign key of each row would be planned
    anew too."""
    actor.db.execute(text("set local plan_cache_mode = force_custom_plan"))
    yield
    actor.db.execute(text("set local plan_cache_mode = auto"))


def same_people(actor: Actor, keys: Iterable[str]) -> dict[str, UUID]:
    """For each e-mail or phone that visible contacts have, the oldest of them.

    What makes a contact visible is asked of the few that match (OFFSET 0 keeps it outside), so that no other index than
    that of the keys can be chosen.
    """
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    asked = func.unnest(bindparam("keys", wanted, ARRAY(Text))).table_valued("key", name="asked").render_derived()
    columns = (Contact.id, Contact.deleted_at, Contact.owner_id)
    match = select(*columns).where(Contact.match_keys.contains(array([asked.c.key]))).offset(0).lateral("match")
    same = aliased(Contact, match)
    found: dict[str, UUID] = {}
    with planned_anew(actor):
        rows = actor.db.execute(actor.visible(same, asked.c.key, same.id).join_from(asked, match, true())).all()
    for matched, contact_id in rows:
        found[matched] = min(contact_id, found.get(matched, contact_id))
    return found


def plain_name(name: str) -> str:
    return " ".join(plain(name).split())


def companies_named(actor: Actor, names: Sequence[str]) -> dict[str, UUID]:
    """The oldest visible company of each plain name that there is. `search` begins with a company's name, so those that
    begin with the name alone or followed by a space are asked by the prefix index, and compared here."""
    if not names:
        return {}
    asked = (
        func.unnest(bindparam("names", [name[:PREFIX] for name in names], ARRAY(Text)))
        .table_valued("name", name="asked")
        .render_derived()
    )
    head = func.left(Company.search, literal_column(str(PREFIX)))
    alike = (
        actor.visible(Company, Company.id, Company.name)
        .where(head.op("~>=~")(asked.c.name), head.op("~<~")(asked.c.name.op("||")("!")))
        .lateral("alike")
    )
    wanted, found = set(names), dict[str, UUID]()
    with planned_anew(actor):
        rows = actor.db.execute(select(alike.c.id, alike.c.name).join_from(asked, alike, true())).all()
    for company_id, company_name in rows:
        known = plain_name(company_name)
        if known in wanted:
            found[known] = min(company_id, found.get(known, company_id))
    return found
