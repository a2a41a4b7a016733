"""A set-up goes from one workspace into another: what is there stays, what is hostile is refused, and it is said."""

import io
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from core.errors import Forbidden
from crm.fields import actions as fields
from crm.industries import setup_of
from crm.setups.applying import apply, preview
from crm.setups.exporting import export
from crm.setups.reading import Unreadable, read
from crm.setups.shape import Setup
from tests.crm.fields.test_fields import add
from tests.shop import Shop, csrf, open_shop

TABLES = (
    "pipeline",
    "stage",
    "department",
    "role",
    "field",
    "product",
    "mail_template",
    "letterhead",
    "form",
    "process",
    "event",
)


@pytest.fixture(scope="module")
def windows(app: Flask) -> Shop:
    with app.test_request_context("/"):
        return open_shop(app, "windows", whole=True)


@pytest.fixture(scope="module")
def file(windows: Shop) -> bytes:
    with windows.acting() as actor:
        return export(actor)


def state(shop: Shop) -> list[Any]:
    return [shop.rows(f"select count(*), max(updated_at) from {table}")[0] if table != "event" else
            shop.rows("select count(*) from event")[0] for table in TABLES]  # fmt: skip


def test_a_set_up_put_into_another_workspace_is_the_same_there(windows: Shop, file: bytes, other: Shop) -> None:
    given = read(file, "windows.yaml", "en")
    with other.acting() as actor:
        parts = apply(actor, given.model_copy(update={"name": "Theirs"}))
    assert {part.state for part in parts if part.kind != "pipelines"} == {"new"}, parts
    with other.acting() as actor:
        again = read(export(actor), "other.yaml", "en")
    same = {"name", "products"}
    assert again.model_dump(exclude=same) == given.model_dump(exclude=same)
    assert sorted(one.name for one in again.products) == sorted(one.name for one in given.products)
    theirs = {str(row.id) for table in ("stage", "role", "department") for row in other.rows(f"select id from {table}")}
    ours = {str(row.id) for table in ("stage", "role", "department") for row in windows.rows(f"select id from {table}")}
    (version,) = other.rows("select xml from process_version")
    assert any(one in version.xml for one in theirs)
    assert not any(one in version.xml for one in ours)
    (said,) = other.rows("select * from event where action = 'setup.apply' order by id desc limit 1")
    assert (said.title, said.after["processes"]) == ("Theirs", ["From request to installation"])


def test_a_preview_says_what_would_come_and_leaves_nothing(other: Shop) -> None:
    before = state(other)
    with other.acting() as actor:
        parts = preview(actor, setup_of("windows", "en"))
    assert [part.state for part in parts if part.kind == "pipelines"] == ["there"]
    assert [(part.name, part.state) for part in parts if part.kind == "processes"] == [
        ("From request to installation", "new")
    ]
    assert state(other) == before


def test_what_is_there_already_stays_as_it_is(windows: Shop) -> None:
    with windows.base.workspace(windows.workspace) as session, session.begin():
        from sqlalchemy import text

        session.execute(text("update product set price = 1 where code = 'W-1'"))
        session.execute(text("update letterhead set terms = 'Ours'"))
    before = state(windows)
    with windows.acting() as actor:
        parts = apply(actor, setup_of("windows", "en"))
    assert {part.state for part in parts} == {"there"}
    assert state(windows)[:-1] == before[:-1]


def test_one_that_cannot_come_is_left_out_and_the_others_come(other: Shop) -> None:
    given = Setup.model_validate({
        "okno": 1,
        "products": [{"name": "Tea", "price": {"JPY": 100}}, {"name": "Sill", "price": {"CZK": 490}}],
        "forms": [{"name": "Web", "rule": "turns", "role": "nobody such"}],
        "processes": [{"bpmn": "<nonsense/>"}],
    })  # fmt: skip
    with other.acting() as actor:
        parts = apply(actor, given)
    assert [(part.name, part.state) for part in parts] == [
        ("Tea", "left"), ("Sill", "new"), ("Web", "left"), ("BPMN", "left")
    ]  # fmt: skip
    assert "nobody such" in parts[2].words
    assert [row.name for row in other.rows("select name from product")] == ["Sill"]
    assert other.rows("select 1 from event where kind in ('form', 'process')") == []


def test_a_field_that_is_here_stays_and_another_of_its_key_is_left_out(other: Shop) -> None:
    with other.acting() as actor:
        add(actor, "Number of windows", "number", key="windows")
        add(actor, "Floor", "text", key="floor")
        gone = add(actor, "Access", "lines", key="access")
        fields.delete(actor, fields.OneField(id=gone.id))
        parts = apply(actor, setup_of("windows", "cs").model_copy(update={"forms": [], "processes": []}))
    states = {part.name: part.state for part in parts if part.kind == "fields"}
    assert list(states.values()) == ["there", "new", "new", "left", "new", "left"], states
    rows = other.rows("select key, label, type, options, deleted_at is null as used from field order by position")
    assert [tuple(row)[:3] for row in rows if row.used] == [
        ("windows", "Number of windows", "number"), ("floor", "Floor", "text"), ("material", "Materiál", "choice"),
        ("opening", "Otevírání", "choices"), ("scaffold", "Potřeba lešení nebo plošiny", "yes"),
    ]  # fmt: skip
    assert rows[3].options == ["Plast", "Dřevo", "Hliník", "Dřevohliník"]
    words = {part.words for part in parts if part.state == "left"}
    assert words == {"There is a field Floor here, of another type.",
                     "It was removed here. Bring it back in the settings."}  # fmt: skip


def test_only_who_may_change_settings_puts_set_ups_in_or_takes_them_out(other: Shop) -> None:
    head = other.member("head")
    before = state(other)
    for way in (lambda actor: apply(actor, setup_of("windows", "en")), export):
        with other.acting(head) as actor, pytest.raises(Forbidden):
            way(actor)
    browser = other.browser(head)
    assert browser.get(other.path("/settings/setups")).status_code == 403
    assert browser.get(other.path("/settings/setups/windows")).status_code == 403
    assert state(other) == before


BOMB = "okno: 1\na: &a [x, x]\nb: &b [*a, *a]\npipelines: [*b]"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (BOMB, "Line 2: anchors"),
        ("okno: 1\nname: !!python/object/apply:os.system [id]", "Line 2: tags"),
        ("okno: 1\nname: !x y", "Line 2: tags"),
        ("okno: 1\nname: a\nname: b", "name is there twice"),
        ("okno: 1\n" + "a: " + "[" * 40, "nested too deeply"),
        ("x" * (2 * 1024 * 1024 + 1), "too large"),
        ("okno: 1\nproducts:\n" + "- {name: a}\n" * 20_000, "too much"),
        ("okno: 1\nthieves: []", "thieves"),
        ("okno: 1\npipelines: [{name: P, stages: [{name: S, probability: 500}]}]", "pipelines.0.stages.0.probability"),
        ("okno: 1\nfields: [{key: a, on: task, label: A, type: text}]", "fields.0.on"),
        ("okno: 1\nfields: [{key: A b, on: deal, label: A, type: text}]", "fields.0.key"),
        ("okno: 1\nfields: [{key: a, on: deal, label: A, type: choice}]", "fields.0: Write what there is"),
        (
            "okno: 1\nfields: [{key: a, on: deal, label: A, type: text}, {key: a, on: deal, label: B, type: text}]",
            "deal.a is there twice",
        ),
        ("okno: 2", "okno"),
        ("- a\n- b", "no set-up"),
        ("okno: 1\nprocesses: [{file: ../../etc/passwd}]", "processes.0.file"),
        ("okno: 1\nprocesses: [{file: windows/sale.bpmn}]", "There is no file"),
        ("okno: 1\nroles: [{name: A}, {name: a}]", "is there twice"),
        ("{", "cannot be read"),
        (b"\xff\xfe\x00", "UTF-8"),
        ("okno: 1\n1: 2", "a key is a word"),
    ],
)
def test_a_hostile_file_is_refused_with_its_place(content: str | bytes, words: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read(content if isinstance(content, bytes) else content.encode(), "x.yaml", "en")
    said = " ".join(f"{place}: {why}" for place, why in refused.value.fields)
    assert words in said
    assert "x.yaml" in said


def test_by_the_pages_a_set_up_is_seen_first_and_then_added(other: Shop, file: bytes) -> None:
    browser = other.browser()
    assert "Windows and doors" in browser.get(other.path("/settings/setups")).get_data(as_text=True)
    token = csrf(browser, other.path("/settings/setups/file/choose"))
    look = other.path("/settings/setups/file/look")
    bad = {"csrf_token": token, "file": (io.BytesIO(BOMB.encode()), "bomb.yaml")}
    assert "bomb.yaml: Line 2: anchors" in browser.post(look, data=bad).get_data(as_text=True)
    seen = browser.post(look, data={"csrf_token": token, "file": (io.BytesIO(file), "windows.yaml")})
    page = seen.get_data(as_text=True)
    assert (seen.status_code, "is here, stays" in page, "is added" in page) == (200, True, True)
    assert other.rows("select 1 from product") == []
    kept = page.split('name="packed" value="', 1)[1].split('"', 1)[0]
    done = browser.post(other.path("/settings/setups/file"), data={"csrf_token": token, "packed": kept})
    assert done.status_code == 303
    assert len(other.rows("select 1 from product")) == 8
    assert "All of it is here already." in browser.get(other.path("/settings/setups/windows")).get_data(as_text=True)
    taken = browser.post(other.path("/settings/setups/export"), data={"csrf_token": token})
    assert taken.mimetype == "application/yaml"
    assert read(taken.data, "taken.yaml", "en").processes


def test_by_the_command_line(windows: Shop, other: Shop, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from crm.cli import cli

    taken = CliRunner().invoke(cli, ["setup", "export", windows.workspace.slug])
    assert taken.exit_code == 0, taken.output
    path = tmp_path / "windows.yaml"
    path.write_text(taken.output, encoding="utf-8")
    seen = CliRunner().invoke(cli, ["setup", "apply", other.workspace.slug, str(path), "--preview"])
    assert "new    processes       From request to installation" in seen.output
    assert other.rows("select 1 from process") == []
    assert CliRunner().invoke(cli, ["setup", "apply", other.workspace.slug, str(path)]).exit_code == 0
    assert len(other.rows("select 1 from process where enabled")) == 1
    path.write_text(BOMB)
    refused = CliRunner().invoke(cli, ["setup", "apply", other.workspace.slug, str(path)])
    assert (refused.exit_code, "anchors are not taken" in refused.output) == (1, True)
