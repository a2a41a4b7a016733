"""One batch into the database: matched with who is there, copied in, merged, and counted. All in the caller's
transaction, so that rows, companies, events, refusals and the numbers are there together or not at all."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import insert, select, text

from core import limits
from core.actor import Actor
from core.events import Event
from core.ids import new_id
from core.masking import unmasked
from crm.companies.models import Company
from crm.contacts.models import Contact

from .batches import COPIED, NULL, Batch, Candidate, array, company_line, copy_cells
from .matching import companies_named, plain_name, same_people
from .rows import ParsedContact
from .values import DERIVED, TAKEN, Setting, Values, brought, derived_of

MOST_COMPANIES = 50_000  # names remembered between batches


@dataclass
class Counts:
    """What became of the rows: new contacts, rows that changed a contact, rows that brought nothing, refused, blank."""

    created: int = 0
    changed: int = 0
    skipped: int = 0
    refused: int = 0
    blank: int = 0


def store(actor: Actor, setting: Setting, batch: Batch, companies: dict[str, UUID]) -> Counts:
    """Store a batch; what became of its rows. `companies` remembers ids by plain name from batch to batch; names are
    added to it even if the transaction is rolled back, so drop it then."""
    counts = Counts(refused=len(batch.refused), blank=batch.blank)
    matched = same_people(actor, (key for candidate in batch.candidates for key in candidate.keys))
    new: list[Candidate] = []
    known: dict[UUID, list[ParsedContact]] = {}
    for candidate in batch.candidates:
        contact_id = min((matched[key] for key in candidate.keys if key in matched), default=None)
        if contact_id is None:
            new.append(candidate)
            counts.created += 1
            counts.changed += candidate.changed
            counts.skipped += len(candidate.rows) - 1 - candidate.changed
        elif setting.updates:
            known.setdefault(contact_id, []).extend(candidate.rows)
        else:
            counts.skipped += len(candidate.rows)
    updates = updated(actor, setting, known, counts)
    named = [candidate.company for candidate in new] + [news.get("company", "") for _present, news in updates]
    resolve_companies(actor, setting, filter(None, named), companies)
    copy(actor, "contact", COPIED, (
        f"{candidate.line}{companies[plain_name(candidate.company)] if candidate.company else NULL}\n"
        for candidate in new
    ))  # fmt: skip
    limits.count(actor.db, "contacts", len(new))
    change_contacts(actor, setting, updates, companies)
    copy(actor, "import_refused", ("import_id", "line", "field", "reason", "cells"), (
        copy_cells([str(setting.import_id), str(row.number), row.field, row.code, array(cells)]) + "\n"
        for row, cells in batch.refused
    ))  # fmt: skip
    return counts


def new_ones(actor: Actor, batch: Batch) -> list[Candidate]:
    """Whom the batch would add, in the order of the file."""
    matched = same_people(actor, (key for candidate in batch.candidates for key in candidate.keys))
    return [candidate for candidate in batch.candidates if not any(key in matched for key in candidate.keys)]


def updated(
    actor: Actor, setting: Setting, known: dict[UUID, list[ParsedContact]], counts: Counts
) -> list[tuple[Values, Values]]:
    """(present values, what the rows change) of the contacts found that this actor may edit; counts the rows."""
    if not known:
        return []
    columns = [getattr(Contact, name) for name in TAKEN]
    query = (
        select(Contact.id, Contact.name, Company.name.label("company"), *columns)
        .outerjoin(Company, Company.id == Contact.company_id)
        .where(Contact.id.in_(known), actor.reach(Contact, "edit"))
        .order_by(Contact.id)
        .with_for_update(of=Contact)
    )
    with unmasked(actor.db):  # they are stored again with what this actor does not see of them
        rows = actor.db.execute(query).mappings().all()
    found: list[tuple[Values, Values]] = []
    for row in rows:
        present = {**row, "company": row["company"] or ""}
        after, news = dict(present), dict[str, Any]()
        for parsed in known.pop(row["id"]):
            more = brought(after, parsed, setting)
            after.update(more)
            news.update(more)
            counts.changed += bool(more)
            counts.skipped += not more
        if news:
            found.append((present, news))
    counts.skipped += sum(map(len, known.values()))
    return found


def resolve_companies(actor: Actor, setting: Setting, names: Iterable[str], companies: dict[str, UUID]) -> None:
    """Make sure that `companies` knows each name: found in the workspace, or made now, as it is first spelled."""
    if len(companies) > MOST_COMPANIES:
        companies.clear()
    wanted: dict[str, str] = {}
    for name in dict.fromkeys(names):
        wanted.setdefault(plain_name(name), name)
    missing = wanted.keys() - companies.keys()
    companies.update(companies_named(actor, sorted(missing)))
    lines = []
    for plain in sorted(missing - companies.keys()):
        company = Company(
            id=new_id(), name=" ".join(wanted[plain].split()), reg_no="", emails=[], phones=[], addresses=[]
        )
        company.index(actor.workspace.language)
        companies[plain] = company.id
        cells = [str(setting.member_id), str(setting.import_id), company.name, company.search]
        lines.append(company_line(company.id, cells, company.sort_key))
    copy(actor, "company", ("id", "owner_id", "import_id", "name", "search", "sort_key"), lines)


def copy(actor: Actor, table: str, columns: Iterable[str], lines: Iterable[str]) -> None:
    """Send lines in the text format of COPY, some hundred at a time."""
    connection = actor.db.connection().connection.driver_connection
    if connection is None:
        raise RuntimeError("the session has no connection")
    piece: list[str] = []
    statement = f"copy {table} ({', '.join(columns)}) from stdin"
    with connection.cursor() as cursor, cursor.copy(statement) as sent:
        for line in lines:
            piece.append(line)
            if len(piece) == 500:
                sent.write("".join(piece).encode())
                piece.clear()
        sent.write("".join(piece).encode())


CHANGE = text(f"""
update contact set {", ".join(f"{name} = news.{name}" for name in (*TAKEN, *DERIVED))},
    version = contact.version + 1, updated_at = now()
from jsonb_to_recordset(cast(:rows as jsonb)) as news (
    id uuid, prefix text, first_name text, last_name text, suffix text, position text, about text, source text,
    emails jsonb, custom jsonb,
    phones jsonb, addresses jsonb, labels text[], company_id uuid, owner_id uuid, last_contact_at timestamptz,
    name text, city text, search text, sort_key bytea, match_keys text[]
)
where contact.id = news.id
""")  # noqa: S608 (names of this module)


def change_contacts(
    actor: Actor, setting: Setting, updates: list[tuple[Values, Values]], companies: dict[str, UUID]
) -> None:
    """Write the changed contacts, and for each the event that an undo restores it from."""
    rows, events = [], []
    for present, news in updates:
        if "company" in news:
            news["company_id"] = companies[plain_name(news.pop("company"))]
        rows.append(changed_row({**present, **news}, actor.workspace.language))
        events.append(event_of(actor, setting.import_id, rows[-1], {key: present[key] for key in news}, news))
    write_changes(actor, rows, events)


def changed_row(values: Values, language: str) -> Values:
    derived = derived_of(values, language)
    derived["sort_key"] = f"\\x{derived['sort_key'].hex()}"
    return {"id": values["id"], **{name: values[name] for name in TAKEN}, **derived}


def event_of(actor: Actor, import_id: UUID, row: Values, before: Values, after: Values) -> dict[str, Any]:
    return {
        "id": new_id(), "action": "import.run", "kind": "contact", "change": "changed", "record_id": row["id"],
        "member_id": actor.member.id, "via": "import", "request_id": f"import-{import_id}",
        "title": row["name"][:200], "before": before, "after": after,
    }  # fmt: skip


def write_changes(actor: Actor, rows: list[Values], events: list[dict[str, Any]]) -> None:
    if rows:
        actor.db.execute(CHANGE, {"rows": orjson.dumps(rows, default=str).decode()})
        actor.db.execute(insert(Event), events)


def drop_refused(actor: Actor, import_id: UUID, line: int) -> bool:
    """Take a refused row off the list; False when somebody else did so before."""
    gone = actor.db.execute(
        text("delete from import_refused where import_id = :id and line = :line returning line"),
        {"id": import_id, "line": line},
    )
    return gone.first() is not None
