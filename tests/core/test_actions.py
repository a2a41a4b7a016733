"""Actions: one transaction, events with before and after, versions, repeated sendings."""

from typing import Any

import pytest

from core.actions import Action, Changes
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.ids import new_id
from crm.contacts import actions
from crm.contacts.actions import NewContact, OneContact
from crm.deals import actions as deals
from crm.deals import pipelines
from crm.tasks import actions as tasks
from tests.shop import Shop


def changed(**values: object) -> Changes:
    return actions.change.parse(values)


def test_a_change_writes_what_was_before_and_after(shop: Shop) -> None:
    with shop.acting() as actor:
        contact = actions.create(actor, NewContact(first_name="Jan", last_name="Novák"))
        actions.change(actor, changed(id=contact.id, version=1, last_name="Nováček"))
    rows = shop.rows("select action, change, before, after from event where kind = 'contact' order by id")
    assert [(row.action, row.change) for row in rows] == [("contact.create", "created"), ("contact.edit", "changed")]
    assert (rows[1].before, rows[1].after) == ({"last_name": "Novák"}, {"last_name": "Nováček"})


@pytest.mark.parametrize(
    ("action", "values"),
    [
        (tasks.create, {"name": "x", "due_on": 5}),
        (tasks.create, {"name": "x", "due_on": True}),
        (deals.create, {"name": "x", "probability": "10"}),
        (deals.create, {"name": "x", "probability": True}),
        (deals.create, {"name": "x", "amount": True}),
        (pipelines.create, {"name": "x", "stages": [{"name": "New", "probability": False}]}),
    ],
)
def test_json_of_another_type_is_refused_beside_its_field(action: Action[Any, Any], values: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as refusal:
        action.parse_json(values)
    assert [name.split(".")[-1] for name, _message in refusal.value.fields] == [
        list(values)[-1].replace("stages", "probability")
    ]


def test_a_stale_version_is_refused_and_changes_nothing(shop: Shop) -> None:
    with shop.acting() as actor:
        contact = actions.create(actor, NewContact(first_name="Jan"))
        actions.change(actor, changed(id=contact.id, version=1, first_name="Josef"))
        with pytest.raises(Conflict):
            actions.change(actor, changed(id=contact.id, version=1, first_name="Jiří"))
    assert [row.name for row in shop.rows("select name from contact")] == ["Josef"]


def test_the_same_form_sent_twice_makes_one_contact(shop: Shop) -> None:
    chosen = new_id()
    for _ in range(2):
        with shop.acting() as actor:
            assert actions.create(actor, NewContact(id=chosen, first_name="Jan")).id == chosen
    assert len(shop.rows("select 1 from contact")) == 1
    assert len(shop.rows("select 1 from event where kind = 'contact'")) == 1


def test_a_reader_changes_nothing(shop: Shop) -> None:
    with shop.acting() as actor:
        contact = actions.create(actor, NewContact(first_name="Jan"))
    with shop.acting(shop.member("reader")) as reader:
        with pytest.raises(Forbidden):
            actions.change(reader, changed(id=contact.id, first_name="Pepa"))
        with pytest.raises(Forbidden):
            actions.delete(reader, OneContact(id=contact.id))
    assert [tuple(row) for row in shop.rows("select name, deleted_at from contact")] == [("Jan", None)]


def test_a_field_worker_does_not_see_what_is_not_theirs(shop: Shop) -> None:
    with shop.acting() as actor:
        contact = actions.create(actor, NewContact(first_name="Jan"))
    with shop.acting(shop.member("field")) as worker, pytest.raises(NotFound):
        actions.change(worker, changed(id=contact.id, first_name="Pepa"))
