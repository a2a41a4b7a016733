"""An import undone: what it brought goes, what it changed comes back, what was touched since stays and is named."""

from typing import Any
from uuid import UUID

import pytest

from crm.contacts import actions as contact_actions
from crm.imports import undo
from crm.timeline import actions as note_actions
from tests.crm.imports.importing import SIMPLE, brought, contacts, messy, press, row, work
from tests.shop import Shop


def edited(shop: Shop, contact_id: UUID, **values: Any) -> None:
    with shop.acting() as actor:
        contact_actions.change(actor, contact_actions.change.parse({"id": contact_id, **values}))


def undone(shop: Shop, import_id: UUID) -> dict[str, Any]:
    browser = shop.browser()
    assert press(browser, shop, import_id, "undo").status_code == 303
    assert "Undoing the import" in browser.get(shop.path(f"/imports/{import_id}")).get_data(as_text=True)
    work(shop)
    assert row(shop, import_id).state == "undone"
    return dict(row(shop, import_id).undone)


def test_new_contacts_and_companies_go_to_the_bin(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undo, "STEP", 50)
    content, expected = messy(400)
    import_id = brought(shop, content)
    said = undone(shop, import_id)
    assert contacts(shop) == []
    assert shop.rows("select count(*) from company where deleted_at is null")[0][0] == 0
    assert (said["removed"], said["restored"], said["left"]) == (expected.new, 0, 0)
    again = brought(shop, content)
    assert row(shop, again).created == expected.new


def test_changed_contacts_get_their_values_back(shop: Shop) -> None:
    brought(shop, (SIMPLE + "Jan Novák;jan@novak.cz;;starý\nEva Malá;eva@mala.cz;602114873;\n").encode())
    before = shop.rows(
        "select id, name, about, emails, phones, search, sort_key, match_keys, labels from contact order by id"
    )
    sheet = (
        SIMPLE + "Petr Nový;jan@novak.cz;603000111;nový\nEva Malá;eva2@mala.cz;602 114 873;x\nOta;jan@novak.cz;;třetí\n"
    )
    import_id = brought(shop, sheet.encode(), "overwrite")
    assert [c.about for c in contacts(shop)] == ["třetí", "x"]
    said = undone(shop, import_id)
    after = shop.rows(
        "select id, name, about, emails, phones, search, sort_key, match_keys, labels from contact order by id"
    )
    assert after == before
    assert (said["removed"], said["restored"], said["left"]) == (0, 2, 0)


def test_what_was_edited_or_used_since_is_left_and_named(shop: Shop) -> None:
    brought(shop, (SIMPLE + "Stará Paní;stara@pani.cz;;dřív\n").encode())
    sheet = (
        SIMPLE
        + "Nová Paní;stara@pani.cz;;teď\nUpravený;upraveny@a.cz;;\n"
        + "S poznámkou;poznamka@a.cz;;\nNetknutý;netknuty@a.cz;;\n"
    )
    import_id = brought(shop, sheet.encode(), "overwrite")
    old, corrected, noted, _untouched = contacts(shop)
    edited(shop, old.id, about="po importu")
    edited(shop, corrected.id, position="šéf")
    with shop.acting() as actor:
        note_actions.create(actor, note_actions.create.parse({"text": "volal", "contact_id": noted.id}))
    said = undone(shop, import_id)
    old_now, *others = contacts(shop)
    assert (old_now.name, old_now.about) == ("Stará Paní", "po importu")
    assert [c.id for c in others] == [corrected.id, noted.id]
    assert (said["removed"], said["restored"], said["left"]) == (1, 1, 3)
    assert {contact_id: fields for contact_id, _name, fields in said["contacts"]} == {
        str(old.id): ["about"], str(corrected.id): [], str(noted.id): [],
    }  # fmt: skip
    page = shop.browser().get(shop.path(f"/imports/{import_id}")).get_data(as_text=True)
    assert "3 contacts were edited or used since" in page
    for contact in (old, corrected, noted):
        assert shop.path(f"/contacts/{contact.id}") in page


def test_an_undo_killed_half_way_is_taken_up_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    monkeypatch.setattr(undo, "STEP", 20)
    brought(shop, (SIMPLE + "".join(f"Jan {n};jan{n}@a.cz;;starý\n" for n in range(60))).encode())
    sheet = (
        SIMPLE
        + "".join(f"Jan {n};jan{n}@a.cz;;nový\n" for n in range(60))
        + "".join(f"Eva {n};eva{n}@a.cz;;\n" for n in range(60))
    )
    import_id = brought(shop, sheet.encode(), "overwrite")
    end, ends = undo.end_step, []

    def killing(*arguments: Any) -> None:
        end(*arguments)
        ends.append(1)
        if len(ends) == 5:
            raise Killed

    press(shop.browser(), shop, import_id, "undo")
    with monkeypatch.context() as patch:
        patch.setattr(undo, "end_step", killing)
        with pytest.raises(Killed):
            work(shop)
    assert row(shop, import_id).state == "undoing"
    from tests.crm.imports.test_run import lease_runs_out, work_of

    lease_runs_out(work_of(shop, "import.undo"))
    work(shop)
    said = row(shop, import_id).undone
    assert (said["removed"], said["restored"], said["left"]) == (60, 60, 0)
    assert {c.about for c in contacts(shop)} == {"starý"}
    assert len(contacts(shop)) == 60


def test_an_import_undone_cannot_be_undone_or_run_again(shop: Shop) -> None:
    import_id = brought(shop, (SIMPLE + "Jan;jan@a.cz;;\n").encode())
    undone(shop, import_id)
    browser = shop.browser()
    for what in ("undo", "run", "stop", "delete"):
        assert press(browser, shop, import_id, what).status_code == 409
