"""Rows asked over HTTP: the list, its size, the search, a new contact."""

import random
from collections.abc import Iterator
from urllib.parse import quote

import orjson

from bench.figures import Figure
from bench.ground import Ground, Grounds
from bench.serving import Request, Side, compare, served
from bench.timing import in_turn
from core.db import Workspace
from core.listing import Ask
from crm.contacts.api import RESOURCE
from crm.contacts.queries import LISTING
from crm.demo_words import CZECHIA
from tenants.members import acting_identity

CITY = "Brno"
WORDS = 200
LIST = f"/api/v1/contacts?limit=50&sort=-created&city={CITY}"


def bearer(ground: Ground, workspace: Workspace) -> dict[str, str]:
    return {"Authorization": f"Bearer {ground.token(workspace)}"}


def list_sql(workspace: Workspace) -> str:
    """The statement of those 50 rows, written by hand."""
    columns = ", ".join(RESOURCE.fields)
    return (
        f"select {columns} from {workspace.schema}.contact "
        f"where deleted_at is null and city = '{CITY}' order by id desc limit 50"
    )


def a_list(grounds: Grounds) -> Iterator[Figure]:
    """GET of 50 contacts of one city, newest first, out of 100,000. The floor gives the same rows and columns."""
    ground = grounds.few
    workspace = ground.workspace("size-100k", contacts=100_000)
    sql = orjson.dumps({"list": list_sql(workspace)}).decode()
    with served(ground) as okno, served(ground, "bench.floor:app", FLOOR_SQL=sql) as floor:
        bare, ours = compare(
            Side(floor, [Request("/list")]), Side(okno, [Request(LIST, headers=bearer(ground, workspace))])
        )
    yield Figure(
        "list: 50 of 100,000 contacts", f"{ours.rate:.0f}/s, p95 {ours.percentile(0.95):.1f} ms",
        f"{bare.rate:.0f}/s, p95 {bare.percentile(0.95):.1f} ms", ours.rate / bare.rate, 0.35, at_least=True,
    )  # fmt: skip


def size(grounds: Grounds) -> Iterator[Figure]:
    """The list of one city after another, newest first, in a workspace of 1,000,000 contacts and in one of 1,000."""
    ground = grounds.few
    small, large = ground.workspace("size-1k", contacts=1_000), ground.workspace("size-1m", contacts=1_000_000)
    with served(ground) as okno:
        few, many = compare(*(Side(okno, lists_of(ground, workspace)) for workspace in (small, large)))
    yield Figure(
        "list at size: 1,000,000 contacts beside 1,000", f"p95 {many.percentile(0.95):.1f} ms",
        f"p95 {few.percentile(0.95):.1f} ms", many.percentile(0.95) / few.percentile(0.95), 1.5,
    )  # fmt: skip


def lists_of(ground: Ground, workspace: Workspace) -> list[Request]:
    headers = bearer(ground, workspace)
    path = "/api/v1/contacts?limit=50&sort=-created&city="
    return [Request(path + quote(town), headers=headers) for town, _ in CZECHIA.towns[:20]]


def search(grounds: Grounds) -> Iterator[Figure]:
    """A substring of a name, phone or e-mail, 3 to 8 characters out of the contacts themselves, newest first.

    Over HTTP beside the list at the same size; and the query alone, in process, at 100,000 and 1,000,000 contacts.
    """
    ground = grounds.few
    yield query_alone(ground, "size-100k", 100_000, 5)
    yield query_alone(ground, "size-1m", 1_000_000, 25)
    workspace = ground.workspace("size-1m", contacts=1_000_000)
    headers = bearer(ground, workspace)
    words = fragments(ground, workspace, 1_000_000)
    searches = [Request(f"/api/v1/contacts?limit=50&q={quote(word)}", headers=headers) for word in words]
    with served(ground) as okno:
        listed, found = compare(Side(okno, lists_of(ground, workspace)), Side(okno, searches))
    yield Figure(
        "search over HTTP beside the list, 1,000,000", f"p95 {found.percentile(0.95):.1f} ms",
        f"p95 {listed.percentile(0.95):.1f} ms", found.percentile(0.95) / listed.percentile(0.95), 3,
    )  # fmt: skip


def query_alone(ground: Ground, slug: str, number: int, most: float) -> Figure:
    workspace = ground.workspace(slug, contacts=number)
    words = fragments(ground, workspace, number)
    with acting_identity(ground.database, workspace, ground.person.id, "cli", reading=True) as actor:

        def ask(at: int) -> None:
            LISTING.page(actor, Ask(q=words[at]), *RESOURCE.selected)

        (times,) = in_turn(ask, times=len(words))
    return Figure(f"search: the query at {number:,}", str(times), "-", times.p95, most, unit=" ms")


def fragments(ground: Ground, workspace: Workspace, number: int) -> list[str]:
    rng = random.Random(11)
    with ground.owner() as owner:
        rows = owner.execute(
            f"select last_name, emails->0->>'address', substr(phones->0->>'number', 5) from {workspace.schema}.contact "
            f"tablesample bernoulli ({100 * WORDS / number}) repeatable (11) limit {WORDS}"
        ).fetchall()
    found = []
    for row in rows:
        text = rng.choice([part for part in row if part])
        length = min(len(text), rng.randint(3, 8))
        start = rng.randint(0, len(text) - length)
        found.append(text[start : start + length].strip())
    return [fragment for fragment in found if len(fragment) >= 3]


NEW = orjson.dumps(
    {
        "first_name": "Čeněk", "last_name": "Růžička @@N@@", "position": "jednatel", "labels": ["VIP"],
        "emails": [{"kind": "work", "address": "cenek.@@N@@@okna-horak.example"}],
        "phones": [{"kind": "mobile", "number": "602 114 873"}],
        "addresses": [{"kind": "work", "street": "Husova 12", "city": "Brno", "zip": "602 00", "country": "Česko"}],
    }
).decode()  # fmt: skip


def create(grounds: Grounds) -> Iterator[Figure]:
    """POST of one contact with name, e-mail, phone and address, each a new one, with validation, event and outbox.

    The floor inserts the finished row, derived columns and all, into the same table elsewhere, and gives it back.
    """
    ground = grounds.few
    workspace, bare_workspace = ground.empty("create"), ground.empty("create-bare")
    sql = orjson.dumps({"create": create_sql(bare_workspace)}).decode()
    json = {"Content-Type": "application/json"}
    with served(ground) as okno, served(ground, "bench.floor:app", FLOOR_SQL=sql) as floor:
        bare, ours = compare(
            Side(floor, [Request("/create", "POST", json, orjson.dumps(BARE).decode())], "201"),
            Side(okno, [Request("/api/v1/contacts", "POST", bearer(ground, workspace) | json, NEW)], "201"),
        )
    yield Figure(
        "create: one contact", f"{ours.rate:.0f}/s, p95 {ours.percentile(0.95):.1f} ms",
        f"{bare.rate:.0f}/s, p95 {bare.percentile(0.95):.1f} ms", ours.rate / bare.rate, 0.25, at_least=True,
    )  # fmt: skip


BARE = {
    "name": "Čeněk Růžička @@N@@", "first_name": "Čeněk", "last_name": "Růžička @@N@@", "position": "jednatel",
    "city": "Brno", "search": "ruzicka @@N@@ cenek cenek ruzicka @@N@@ cenek@@N@@oknahorakexample 420602114873 brno",
    "emails": '[{"kind": "work", "address": "cenek.@@N@@@okna-horak.example"}]',
    "phones": '[{"kind": "mobile", "number": "+420602114873", "valid": true}]',
    "addresses": '[{"kind": "work", "street": "Husova 12", "city": "Brno", "zip": "602 00", "country": "Česko"}]',
    "labels": "{VIP}", "match_keys": "{+420602114873,cenek.@@N@@@okna-horak.example}", "sort_key": "ruzicka @@N@@",
}  # fmt: skip


def create_sql(workspace: Workspace) -> str:
    """One INSERT that gives back what the API would."""
    values = ", ".join(f"%({name})s" for name in BARE).replace("%(sort_key)s", "%(sort_key)s::text::bytea")
    return (
        f"insert into {workspace.schema}.contact (id, {', '.join(BARE)}) values (uuidv7(), {values}) "
        f"returning {', '.join(RESOURCE.fields)}"
    )
