"""Rows asked over HTTP: the list, its size, the search, a new contact."""

from collections.abc import Iterator

import orjson

from bench.figures import Figure
from bench.ground import Ground, Grounds
from bench.serving import Request, Side, compare, served
from core.db import Workspace
from crm.contacts.api import RESOURCE

CITY = "Brno"
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
    """GET of 50 contacts of one city, newest first, out of 100,000; the floor answers with the same rows and columns."""
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


NEW = orjson.dumps(
    {
        "first_name": "Čeněk", "last_name": "Růžička @@N@@", "position": "jednatel", "labels": ["VIP"],
        "emails": [{"kind": "work", "address": "cenek.@@N@@@okna-horak.example"}],
        "phones": [{"kind": "mobile", "number": "602 114 873"}],
        "addresses": [{"kind": "work", "street": "Husova 12", "city": "Brno", "zip": "602 00", "country": "Česko"}],
    }
).decode()  # fmt: skip


def create(grounds: Grounds) -> Iterator[Figure]:
    """POST of one contact with name, e-mail, phone and address, each a new one: validation, event and outbox included.

    The floor inserts the finished row, derived columns and all, into the same table of another workspace, and returns it.
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
    "city": "Brno", "search": "ruzicka @@N@@ cenek cenek ruzicka @@N@@ cenek.@@N@@@okna-horak.example 420602114873 brno",
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
