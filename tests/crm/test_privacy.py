"""One person is taken out as a file, and erased from everywhere; what must stay stays without them."""

import io
import json
import zipfile
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import LargeBinary, String, Table, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.exc import DBAPIError

from core.db import Base
from core.files import files
from core.ids import new_id
from crm.contacts import actions as contacts
from crm.deals import actions as deals
from crm.privacy import erasure
from crm.privacy.rules import MENTIONS, NEVER, OTHERWISE, ROWS
from crm.tasks import actions as tasks
from crm.timeline import actions as notes
from tests.crm.exports.test_export import exported
from tests.crm.imports.importing import brought, work
from tests.crm.people import Desk, company, contact
from tests.factories import one_of_each
from tests.shop import Shop

NAME, EMAIL, PHONE = "Jan Tajemníček", "jan.tajemnicek@example.com", "+420602114873"
# As people write them: what nothing in a workspace may contain when the person is erased.
PLANTED = ("Tajemníč", "tajemnic", "602114873", "602 114 873", "00420 602-114-873")
SAID = f"Volal {NAME} ({EMAIL}), tel. 602 114 873 nebo 00420 602-114-873."
TABLE = f"Jméno;E-mail;Telefon\n{NAME};{EMAIL};602 114 873\nEva Nová;;602 000 000\n;{NAME};x@\n".encode()


def tables() -> list[Table]:
    return Base.metadata.sorted_tables


def holds_text(column: Any) -> bool:
    kind = column.type.item_type if isinstance(column.type, ARRAY) else column.type
    return isinstance(kind, String | JSONB | ARRAY) or (isinstance(kind, LargeBinary) and column.name == "body")


def test_every_column_with_text_is_known_to_the_erasure() -> None:
    """A new one fails here until somebody has said whether a person can stand in it."""
    known: dict[str, set[str]] = {}
    for rules in (MENTIONS, ROWS, OTHERWISE, NEVER):
        for name, columns in rules.items():
            known.setdefault(name, set()).update(columns)
    there = {table.name: {column.name for column in table.columns if holds_text(column)} for table in tables()}
    missing = {name: sorted(columns - known.get(name, set())) for name, columns in there.items()}
    assert {name: columns for name, columns in missing.items() if columns} == {}
    for name, declared in known.items():
        assert declared <= {column.name for column in Base.metadata.tables[name].columns}, name


def planted(shop: Shop) -> UUID:
    """The person, in their own records and in every column of every table in which one can be mentioned."""
    with shop.acting() as actor:
        one_of_each(actor, "Somebody")
    brought(shop, TABLE)
    firm = company(shop, name=f"{NAME} s.r.o.", about=SAID, emails=[{"address": EMAIL}])
    said = {
        "prefix": "Ing.", "first_name": "Jan", "last_name": "Tajemníček", "position": "Tajemníčkův jednatel",
        "about": SAID, "source": SAID[:200], "labels": ["Tajemníček"], "company_id": firm.id,
        "emails": [{"address": EMAIL}], "phones": [{"number": PHONE}],
        "addresses": [{"street": "Tajemníčkova 7", "city": "Brno"}],
    }  # fmt: skip
    known = shop.rows("select id from contact where name = :name", name=NAME)[0].id
    with shop.acting() as actor:
        contacts.change(actor, contacts.change.parse({"id": known, **said}))
        deal = deals.create(actor, deals.create.parse(
            {"name": "Okna Tajemníček", "about": SAID, "amount": "148900", "contact_id": known}
        ))  # fmt: skip
        deals.change(actor, deals.change.parse({"id": deal.id, "name": "Okna pro pana Tajemníčka", "amount": "99000"}))
        tasks.create(actor, tasks.create.parse({"name": "Zavolat Tajemníčkovi", "about": SAID, "contact_id": known}))
        notes.create(actor, notes.create.parse({"text": "Tajemníček chce dub", "contact_id": known}))
        notes.create(actor, notes.create.parse({"text": "Tajemníčkova zakázka", "deal_id": deal.id}))
        notes.create(actor, notes.create.parse({"text": SAID, "company_id": firm.id}))
    exported(shop, what="everything", format="json")
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(
            text("""
            insert into mail_file (id, mail_id, name, size, file_key) select id, id, 'a.pdf', 0, '' from mail
        """)
        )
        for rules in (MENTIONS, ROWS):
            for name, columns in rules.items():
                for column in columns:
                    plant(session, name, column, known)
        session.execute(text("""
            insert into idempotent_answer (member_id, key, route, body_hash, status, body)
            values (gen_random_uuid(), 'x', 'POST /contacts', '', 201, convert_to(:said, 'UTF8'))
        """), {"said": SAID})  # fmt: skip
        session.execute(text("""
            insert into waiting (id, action, input, title, member_id, error)
            select gen_random_uuid(), 'contact.create', jsonb_build_object('about', cast(:said as text)), :said, id,
                :said
            from member limit 1
        """), {"said": SAID})  # fmt: skip
    return UUID(str(known))


def plant(session: Any, table: str, column: str, known: UUID) -> None:
    kind = Base.metadata.tables[table].c[column].type
    if isinstance(kind, LargeBinary):
        return
    if isinstance(kind, ARRAY):
        value: Any = [SAID, "other"]
    else:
        shaped = {"emails": [{"kind": "work", "address": EMAIL}], "phones": [], "addresses": [{"city": NAME}]}
        value = (
            json.dumps(shaped.get(column, [{"said": SAID, "values": [], "heading": ""}]))
            if isinstance(kind, JSONB)
            else SAID
        )
    cast = ":value"
    if isinstance(kind, JSONB):
        more = f""""{column}" || jsonb_build_object('said', cast(:said as text))"""
        cast = f"""case when jsonb_typeof("{column}") = 'object' then {more} else cast(:value as jsonb) end"""
    where = OF_OTHERS.get(table, "true").format(known=known)
    values = {"value": value, "said": SAID}
    session.execute(text(f'update "{table}" set "{column}" = {cast} where {where}'), values)


# Rows in which a mention is planted, where not in all: the person's own have their own words.
OF_OTHERS = {
    "contact": "id <> '{known}'",
    "deal": "contact_id is null",
    "task": "contact_id is null and deal_id is null",
    "note": "contact_id is null and deal_id is null",
    "role": "key is null",
}


def left(shop: Shop) -> list[str]:
    """Where anything of the person still stands, in tables and in files."""
    found = []
    with shop.base.workspace(shop.workspace) as session:
        for table in tables():
            for row in session.execute(table.select()).mappings():
                for name, value in row.items():
                    said = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                    found += [f"{table.name}.{name}: {said[:80]}" for one in PLANTED if one.lower() in said.lower()]
    for key, _size in files().under(f"{shop.workspace.schema}/"):
        with files().open(key) as file:
            content = file.read().decode("utf-8", "replace")
        found += [f"file {key}" for one in PLANTED if one.lower() in content.lower()]
    return found


def erased(shop: Shop, contact_id: UUID) -> None:
    desk = Desk.of(shop)
    name = shop.rows("select name from contact where id = :id", id=contact_id)[0].name
    answer = desk.send(f"/contacts/{contact_id}/privacy/erase", name=name)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    work(shop)


def test_a_person_planted_everywhere_is_nowhere_afterwards(shop: Shop) -> None:
    known = planted(shop)
    before = left(shop)
    for table in (*MENTIONS, *ROWS, "event"):
        assert any(line.startswith(f"{table}.") for line in before), f"nothing was planted in {table}"
    assert any(line.startswith("file ") for line in before)
    erased(shop, known)
    assert left(shop) == []


def test_what_must_stay_stays_without_the_person(shop: Shop) -> None:
    known = planted(shop)
    count = "select action, change, member_id, at from event where action <> 'privacy.erase' order by id"
    events = shop.rows(count)
    erased(shop, known)
    deal = shop.rows("select * from deal where contact_id = :id", id=known)[0]
    assert (deal.name, deal.about, deal.amount, deal.status, deal.search) == ("Deal", "", 99000, "open", "deal")
    sums = shop.rows("select before, after from event where record_id = :id and change = 'changed'", id=deal.id)[0]
    assert (sums.before["amount"], sums.after["amount"]) == ("148900.00", "99000")
    after = shop.rows(count)
    assert after[: len(events)] == events, "that something happened is kept"
    assert [one.action for one in after[len(events) :]] == ["privacy.begin"]
    told = shop.rows("select * from event where action = 'privacy.erase'")
    me = shop.rows("select id from member where identity_id = :id", id=shop.owner_id)[0].id
    assert [(one.record_id, one.kind, one.member_id, one.after) for one in told] == [(known, "contact", me, {})]
    firm = shop.rows("select name, search from company where about like 'Volal%' limit 1")[0]
    assert firm.name == "Volal … (…), tel. … nebo …."
    assert firm.search.split() == ["volal", "tel", "nebo"]
    with shop.base.controlling() as control:
        ledger = control.execute(text("select record_id, kind, by from control.erased where workspace_id = :id"),
                                 {"id": shop.workspace.id}).all()  # fmt: skip
    assert [(row.record_id, row.kind, row.by) for row in ledger] == [(known, "contact", me)]


def test_other_people_are_left_as_they_are(shop: Shop) -> None:
    """A namesake, and whoever has the same telephone at the same firm."""
    firm = company(shop, name="Penzion", phones=[{"number": PHONE}], about="Volejte 602 114 873")
    namesake = contact(shop, last_name="Tajemníček", emails=[{"address": "other@example.com"}])
    known = contact(shop, last_name="Tajemníček", emails=[{"address": EMAIL}], phones=[{"number": PHONE}])
    rows = "select id, name, emails, phones, search from contact where id = :id"
    before = shop.rows(rows, id=namesake.id), shop.rows("select * from company where id = :id", id=firm.id)
    erased(shop, known.id)
    after = shop.rows(rows, id=namesake.id), shop.rows("select * from company where id = :id", id=firm.id)
    assert after == before


def test_nothing_brings_the_person_back(shop: Shop) -> None:
    known = contact(shop, last_name="Tajemníček", emails=[{"address": EMAIL}])
    erased(shop, known.id)
    desk = Desk.of(shop)
    assert desk.get(f"/contacts/{known.id}").status_code == 404
    assert desk.send(f"/contacts/{known.id}/restore").status_code == 404
    assert shop.api().post(f"/contacts/{known.id}/restore").status_code == 404
    assert shop.rows("select value from counter where name = 'contacts'")[0].value == 0


def test_after_an_older_backup_is_restored_they_are_erased_again(shop: Shop) -> None:
    known = planted(shop)
    old = shop.rows("select * from contact where id = :id", id=known)[0]
    erased(shop, known)
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.execute(
            text("""
            update contact set name = :name, first_name = 'Jan', last_name = 'Tajemníček', deleted_at = null,
                emails = cast(:emails as jsonb), phones = cast(:phones as jsonb), match_keys = :keys where id = :id
            """),
            {
                "name": old.name,
                "emails": json.dumps(old.emails),
                "phones": json.dumps(old.phones),
                "keys": old.match_keys,
                "id": known,
            },
        )
        session.execute(text("update note set text = :said"), {"said": SAID})
    assert left(shop) != []
    with shop.acting(), shop.base.workspace(shop.workspace) as session, session.begin():
        assert erasure.replay_erasures(session, shop.workspace, {shop.workspace.id}) == 1
    assert left(shop) == []
    with shop.acting(), shop.base.workspace(shop.workspace) as session, session.begin():
        assert erasure.replay_erasures(session, shop.workspace, {shop.workspace.id}) == 0


def test_an_erasure_that_was_killed_leaves_all_or_nothing_and_goes_on(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = planted(shop)
    rows = "select count(*) as n from contact where name = :name"

    def fails(*_values: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched, shop.acting():
        patched.setattr(erasure, "blank_mentioning_events", fails)
        with pytest.raises(RuntimeError), shop.base.workspace(shop.workspace) as session, session.begin():
            erasure.erase_person(session, known, None)
    assert shop.rows(rows, name=f"Ing. {NAME}")[0].n == 1
    erased(shop, known)
    assert left(shop) == []


def test_by_right_alone_with_a_fresh_proof_and_the_name_typed(shop: Shop) -> None:
    known = contact(shop, last_name="Tajemníček", emails=[{"address": EMAIL}])
    head = Desk.of(shop, shop.member("head"))
    paths = (f"/contacts/{known.id}/privacy/erase", f"/contacts/{known.id}/privacy/file")
    assert head.get(f"/contacts/{known.id}/privacy").status_code in (403, 404)
    for path in paths:
        assert head.send(path, name=NAME).status_code in (403, 404)
    desk = Desk.of(shop)
    assert desk.send(paths[0], name="Somebody Else").status_code == 422
    with shop.base.controlling() as control:
        stale = "update control.sign_in set proven_at = now() - interval '1 hour' where identity_id = :id"
        control.execute(text(stale), {"id": shop.owner_id})
    for path in paths:
        assert desk.send(path, name=NAME).status_code == 401
    row = shop.rows("select name, deleted_at from contact")[0]
    assert (row.name, row.deleted_at) == (NAME, None)
    assert shop.rows("select count(*) as n from event where action like 'privacy%'")[0].n == 0


def test_their_data_comes_as_a_file_and_that_is_in_the_log(shop: Shop) -> None:
    known = planted(shop)
    answer = Desk.of(shop).send(f"/contacts/{known}/privacy/file")
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.get_data())) as archive:
        said = json.loads(archive.read("person.json"))
        page = archive.read("person.html").decode()
    assert said["contact"]["name"] == f"Ing. {NAME}"
    assert [len(said[name]) for name in ("deals", "tasks", "notes")] == [1, 1, 2]
    assert said["imported_rows"][0]["cells"][0] == NAME
    assert said["refused_rows"]
    assert any(event["action"] == "contact.edit" for event in said["events"])
    assert "Eva Nová" not in str(said)
    for part in (NAME, EMAIL, "Okna pro pana Tajemníčka", "Tajemníček chce dub"):
        assert part in page
    assert "<script" not in page
    assert shop.rows("select count(*) as n from event where action = 'privacy.take'")[0].n == 1


def test_the_function_reaches_the_callers_own_workspace_alone(app: Flask, shop: Shop, other: Shop) -> None:
    mine, theirs = contact(shop, last_name="Mine"), contact(other, last_name="Theirs")
    call = text("select control.erase_events(:id, 'contact', null, :mark)")
    with shop.base.workspace(shop.workspace) as session, session.begin():
        assert session.scalar(call, {"id": theirs.id, "mark": new_id()}) == 0
    titles = "select title from event where record_id = :id and action = 'contact.create'"
    assert other.rows(titles, id=theirs.id)[0].title == "Jan Theirs"
    assert shop.rows(titles, id=mine.id)[0].title == "Jan Mine"
    with pytest.raises(DBAPIError), shop.base.controlling() as control:
        control.execute(call, {"id": mine.id, "mark": new_id()})
