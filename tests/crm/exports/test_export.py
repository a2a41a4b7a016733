"""Exports: what is in the file, who may take it, and that nothing is lost on the way, nor on the way back."""

import csv
import io
import zipfile
from datetime import date
from typing import Any
from uuid import UUID

import orjson
import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import text

from core.jobs import Place
from crm.contacts import actions as contacts
from crm.deals import actions as deals
from crm.exports import run as jobs
from crm.exports.actions import NewExport, OneExport, create, stop
from crm.exports.models import NoLongerOurs
from crm.exports.run import run_export
from crm.payments import actions as payments
from tenants.models import Member
from tests.crm.imports.importing import brought, work
from tests.crm.people import Desk, company, contact
from tests.crm.quotes.offering import sent
from tests.shop import Shop

FULL: dict[str, Any] = {
    "prefix": "Ing.",
    "first_name": "Jan",
    "last_name": "Novák",
    "suffix": "Ph.D., MBA",
    "position": "jednatel",
    "source": "veletrh",
    "about": 'Chce dub; "ne" smrk\nVolat po páté, =1+1',
    "labels": ["stálý", "Brno, venkov"],
    "emails": [
        {"kind": "work", "address": "jan@example.com"},
        {"kind": "home", "address": "honza@example.com"},
        {"kind": "other", "address": "ucto@example.com"},
    ],
    "phones": [
        {"kind": "mobile", "number": "+420602114873"},
        {"kind": "work", "number": "+420545213660"},
        {"kind": "home", "number": "+420541234567"},
        {"kind": "other", "number": "klapka 12"},
    ],
    "addresses": [
        {"kind": "home", "street": "Lidická 24", "city": "Brno", "zip": "602 00", "country": "Česko"},
        {"kind": "billing", "street": "", "city": "Znojmo", "zip": "", "country": ""},
    ],
}
KEPT = (*FULL, "name", "city", "search", "match_keys", "last_contact_at")


def exported(shop: Shop, identity_id: UUID | None = None, **asked: Any) -> Any:
    """The whole way: asked for, made by the worker."""
    with shop.acting(identity_id) as actor:
        made = create(actor, NewExport(**asked))
    work(shop)
    return row(shop, made.id)


def row(shop: Shop, export_id: UUID) -> Any:
    return shop.rows("select * from export where id = :id", id=export_id)[0]


def content(shop: Shop, found: Any, identity_id: UUID | None = None) -> bytes:
    answer = Desk.of(shop, identity_id).get(f"/exports/{found.id}/file")
    assert answer.status_code == 200, answer.get_data(as_text=True)[:500]
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    return answer.get_data()


def table(file: bytes, separator: str = ",") -> list[dict[str, str]]:
    assert file.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(file.decode("utf-8-sig"), newline=""), delimiter=separator))


def full(shop: Shop) -> UUID:
    firm = company(shop, name="Penzion U Tří lip")
    made = contact(shop, **FULL, company_id=firm.id)
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(text("update contact set last_contact_at = '2026-03-04T11:00:00Z'"))
    return made.id


@pytest.mark.parametrize("wanted", ["csv", "xlsx"])
@pytest.mark.parametrize("language", ["en", "cs"])
def test_a_contact_comes_back_whole_from_its_own_export(shop: Shop, other: Shop, wanted: str, language: str) -> None:
    full(shop)
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(text("update member set language = :language"), {"language": language})
    file = content(shop, exported(shop, what="contacts", format=wanted))
    brought(other, file, name=f"kontakty.{wanted}")
    columns = ", ".join(f"contact.{name}" for name in KEPT)
    query = f"select {columns}, company.name as company from contact join company on company.id = contact.company_id"
    before, after = shop.rows(query), other.rows(query)
    assert len(after) == 1
    for name, was in before[0]._mapping.items():
        assert after[0]._mapping[name] == was, name


def test_a_table_is_as_its_list_is_narrowed_and_sorted(shop: Shop) -> None:
    for city, name in (("Brno", "Adam"), ("Brno", "Čech"), ("Brno", "Cyril"), ("Znojmo", "Daniel")):
        contact(shop, first_name="", last_name=name, addresses=[{"city": city}])
    desk = Desk.of(shop)
    page = desk.page("/contacts/?city=Brno&sort=-name")
    href = page.split('href="' + shop.path("/exports/new?"))[1].split('"')[0].replace("&amp;", "&")
    form = desk.page(f"/exports/new?{href}")
    assert "3 rows, as they are now" in form
    answer = desk.send("/exports/", what="contacts", format="csv", city="Brno", sort="-name")
    assert answer.status_code == 303
    work(shop)
    found = shop.rows("select * from export")[0]
    assert (found.state, found.rows, found.gone, found.done) == ("done", 3, 0, 3)
    rows = table(content(shop, found))
    assert [one["Last name"] for one in rows] == ["Cyril", "Čech", "Adam"]


def test_what_was_taken_by_whom_and_how_much_is_in_the_audit_log(shop: Shop) -> None:
    contact(shop, last_name="Novák")
    found = exported(shop, what="contacts", format="csv", q="novák")
    events = shop.rows("select action, record_id, member_id, after from event where kind = 'export' order by id")
    assert [one.action for one in events] == ["export.create", "export.done"]
    assert {one.record_id for one in events} == {found.id}
    assert {one.member_id for one in events} == {found.owner_id}
    assert events[0].after["ask"] == {"q": "novák"}
    said = {"what": "contacts", "format": "csv", "rows": 1, "q": "novák"}
    assert events[1].after == {**said, "tell": str(found.owner_id)}


def test_no_cell_of_a_table_is_run_by_a_spreadsheet(shop: Shop) -> None:
    for number, harm in enumerate(("=1+1", "+1", "-1", "@x", "'=1")):
        contact(shop, first_name=f"{number}", last_name="x", position=harm)
    rows = table(content(shop, exported(shop, what="contacts", sort="created")))
    assert [one["Position"] for one in rows] == ["'=1+1", "'+1", "'-1", "'@x", "''=1"]
    book = content(shop, exported(shop, what="contacts", format="xlsx", sort="created"))
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "=1+1" in sheet


def test_a_workbook_has_dates_and_numbers_and_everything_a_sheet_for_each_kind(shop: Shop) -> None:
    person = contact(shop, last_name="Novák")
    with shop.acting() as actor:
        said = {"name": "Okna", "amount": "148900.50", "expected_close": "2026-12-24", "contact_id": person.id}
        deals.create(actor, deals.create.parse(said))
        priced = sent(actor)
        payments.receive(actor, payments.receive.parse({"deal_id": priced.deal_id, "amount": "500"}))
    found = exported(shop, what="everything", format="xlsx")
    assert (found.state, found.rows) == ("done", 6)
    book = CalamineWorkbook.from_filelike(io.BytesIO(content(shop, found)))
    assert book.sheet_names == [
        "Contacts", "Companies", "Deals", "Tasks", "Notes and calls", "Requests", "Quotes", "Payments", "Price list",
        "Calls", "Mails",
    ]  # fmt: skip
    heads, *lines = book.get_sheet_by_name("Deals").to_python()
    deal = next(line for line in lines if line[0] == "Okna")
    cells = dict(zip(heads, deal, strict=True))
    assert (cells["Amount"], cells["Expected close"], cells["Contact"]) == (148900.5, date(2026, 12, 24), "Jan Novák")
    for name, expected in (
        ("Quotes", {"State": "Sent", "Client": "Petr Černý", "With VAT": 92791.94, "Deal": "Windows for a flat"}),
        ("Payments", {"Amount": 500, "How": "Bank transfer", "Deal": "Windows for a flat"}),
    ):
        heads, line = book.get_sheet_by_name(name).to_python()
        assert expected.items() <= dict(zip(heads, line, strict=True)).items()


def test_everything_as_json_has_the_shapes_of_the_api(shop: Shop) -> None:
    one = contact(shop, **FULL)
    found = exported(shop, what="everything", format="json")
    kept = orjson.loads(content(shop, found))
    api = shop.api().get(f"/contacts/{one.id}").json
    assert kept["contacts"] == [api]
    assert {"contacts", "companies", "deals", "tasks", "notes"} < kept.keys()


def test_all_files_come_as_they_were_brought_in(shop: Shop) -> None:
    table_ = "Jméno\nJan Novák\n".encode()
    import_id = brought(shop, table_)
    found = exported(shop, what="files", format="zip")
    with zipfile.ZipFile(io.BytesIO(content(shop, found))) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {f"imports/{import_id}.csv": table_}


def test_rows_deleted_meanwhile_are_told_and_new_ones_stay_out(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [contact(shop, last_name=f"N{number}") for number in range(5)]
    monkeypatch.setattr(jobs, "STEP", 2)
    run, export_id = begun(shop)
    jobs.begin(run)
    assert jobs.gather(run)
    with shop.acting() as actor:
        contacts.delete(actor, contacts.OneContact(id=made[1].id))
    contact(shop, last_name="Late")
    run_export(run.place, export_id, run.member_id)
    found = row(shop, export_id)
    assert (found.state, found.rows, found.gone) == ("done", 5, 1)
    assert [one["Last name"] for one in table(content(shop, found))] == ["N4", "N3", "N2", "N0"]


def begun(shop: Shop, ours: Any = lambda: True) -> tuple[jobs.Run, UUID]:
    """An export of the contacts that no worker has taken yet."""
    with shop.acting() as actor:
        made = create(actor, NewExport(what="contacts"))
        member_id = actor.member.id
    with shop.base.controlling() as control:
        control.execute(text("delete from bus.outbox where role = :role"), {"role": shop.workspace.role})
    return jobs.Run(Place(shop.base, shop.workspace, 0, ours), made.id, member_id), made.id


def test_one_that_was_stopped_goes_on_and_a_killed_one_too(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        contact(shop, last_name=f"N{number}")
    monkeypatch.setattr(jobs, "STEP", 2)
    run, export_id = begun(shop)
    jobs.begin(run)
    assert jobs.gather(run)
    with shop.acting() as actor:
        stop(actor, OneExport(id=export_id))
    run_export(run.place, export_id, run.member_id)
    found = row(shop, export_id)
    assert (found.state, found.done, len(found.parts), found.file_key) == ("stopped", 2, 1, None)
    desk = Desk.of(shop)
    assert desk.send(f"/exports/{export_id}/run").status_code == 303
    dead = jobs.Run(Place(shop.base, shop.workspace, 0, lambda: False), export_id, run.member_id)
    with pytest.raises(NoLongerOurs):
        jobs.gather(dead)
    work(shop)
    found = row(shop, export_id)
    assert (found.state, found.done, found.parts) == ("done", 5, [])
    assert len(table(content(shop, found))) == 5


def test_the_parts_are_gone_when_the_file_is_there_and_the_file_when_its_time_is_over(shop: Shop) -> None:
    contact(shop, last_name="Novák")
    found = exported(shop, what="contacts")
    folder = files_of(shop)
    assert folder == {found.file_key.rpartition("/")[2]}
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(text("update export set expires_at = now() - interval '1 second'"))
    jobs.tidy(Place(shop.base, None, 0, lambda: True))
    assert row(shop, found.id).state == "expired"
    assert files_of(shop) == set()
    assert Desk.of(shop).get(f"/exports/{found.id}/file").status_code == 409


def files_of(shop: Shop) -> set[str]:
    root = shop.app.config["OKNO"].files.path / shop.workspace.schema
    return {path.name for path in root.iterdir()} if root.exists() else set()


def test_whoever_asked_alone_gets_the_file_and_only_while_they_may(shop: Shop) -> None:
    head = shop.member("head")
    contact(shop, last_name="Novák")
    found = exported(shop, what="contacts")
    assert Desk.of(shop, head).get(f"/exports/{found.id}/file").status_code == 404
    theirs = exported(shop, head, what="contacts")
    assert Desk.of(shop).get(f"/exports/{theirs.id}").status_code == 200, "an owner sees that it was taken"
    assert Desk.of(shop).get(f"/exports/{theirs.id}/file").status_code == 404
    assert content(shop, theirs, head)
    api = shop.api(head)
    with shop.base.workspace(shop.workspace) as session, session.begin():
        reader = text("select id from role where key = 'reader'")
        session.query(Member).filter_by(identity_id=head).one().role_id = session.scalar(reader)
    assert Desk.of(shop, head).get(f"/exports/{theirs.id}/file").status_code == 403
    assert api.get(f"/exports/{theirs.id}/file").status_code == 403


def test_scopes_and_hidden_fields_hold_in_every_format(shop: Shop) -> None:
    sales = shop.member("sales")
    contact(shop, last_name="Novák", phones=[{"number": "602 114 873"}])
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(
            text("""
            update role set rights = jsonb_set(rights, '{contact,export}', '"own"'),
                fields = '{"contact": {"phones": "hidden"}}' where key = 'sales'
        """)
        )
    assert exported(shop, sales, what="contacts").rows == 0
    me = shop.rows("select id from member where identity_id = :id", id=sales)[0].id
    contact(shop, first_name="", phones=[{"number": "602 114 874"}], owner_id=me)
    contact(shop, last_name="Vlastní", phones=[{"number": "602114875"}], owner_id=me)
    for wanted in ("csv", "json", "xlsx"):
        found = exported(shop, sales, what="contacts", format=wanted)
        file = content(shop, found, sales)
        assert found.rows == 2
        if wanted == "xlsx":
            with zipfile.ZipFile(io.BytesIO(file)) as archive:
                file = archive.read("xl/worksheets/sheet1.xml")
        assert b"60211487" not in file
        assert b"Mobil" not in file
        assert "Vlastní".encode() in file
    desk = Desk.of(shop, sales)
    for what in ("companies", "deals", "tasks", "everything", "files"):
        assert desk.send("/exports/", what=what, format="csv").status_code == 403, what
        assert shop.api(sales).post("/exports", {"what": what}).status_code == 403
    assert {one.what for one in shop.rows("select what from export")} == {"contacts"}


def test_rights_lost_while_it_runs_end_it_without_a_file(shop: Shop) -> None:
    head = shop.member("head")
    with shop.acting(head) as actor:
        made = create(actor, NewExport(what="contacts"))
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(text("""update role set fields = '{"contact": {"phones": "hidden"}}' where key = 'head'"""))
    work(shop)
    found = row(shop, made.id)
    assert (found.state, found.file_key) == ("failed", None)
    assert found.error == "Your rights have changed since. Export anew."


def test_a_fresh_proof_is_asked_for(shop: Shop) -> None:
    desk = Desk.of(shop)
    with shop.base.controlling() as control:
        stale = "update control.sign_in set proven_at = now() - interval '1 hour' where identity_id = :id"
        control.execute(text(stale), {"id": shop.owner_id})
    answer = desk.send("/exports/", what="contacts", format="csv")
    assert answer.status_code == 401
    assert shop.rows("select count(*) as n from export")[0].n == 0


def test_by_api_one_is_asked_for_watched_and_fetched(shop: Shop) -> None:
    contact(shop, last_name="Novák")
    api = shop.api()
    made = api.post("/exports", {"what": "contacts", "format": "csv", "filters": {"label": "x"}}).json
    assert (made["state"], made["rows"]) == ("waiting", None)
    assert api.get(f"/exports/{made['id']}/file").status_code == 409
    work(shop)
    done = api.get(f"/exports/{made['id']}").json
    assert (done["state"], done["rows"]) == ("done", 0)
    answer = api.get(f"/exports/{made['id']}/file")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.get_data().startswith(b"\xef\xbb\xbf")
    for wrong in ({"filters": {"x": "1"}}, {"sort": "x"}, {"format": "zip"}, {"what": "everything", "q": "x"}):
        assert api.post("/exports", {"what": "contacts", **wrong}).status_code == 422, wrong
