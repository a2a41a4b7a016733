"""Today: what one member sees of tasks and deals, by how few statements."""

from datetime import timedelta
from typing import Any

from sqlalchemy import event, text

from core.actor import Actor
from core.db import database
from core.pages import today_of
from crm.tasks import actions
from crm.tasks.queries import agenda, grouped
from crm.today.queries import without_next_step
from tests.shop import Shop


def task(actor: Actor, name: str, distance: int | None = None, **values: Any) -> Any:
    due_on = None if distance is None else str(today_of(actor) + timedelta(days=distance))
    return actions.create(actor, actions.create.parse({"name": name, "due_on": due_on, **values}))


def deal(actor: Actor, name: str, owner: Any = None, status: str = "open") -> Any:
    made = actor.db.execute(
        text("""
        insert into deal (id, name, pipeline_id, stage_id, rank, currency, owner_id, status)
        select gen_random_uuid(), :name, pipeline_id, id, 1, 'CZK', :owner, :status from stage order by position limit 1
        returning id
        """),
        {"name": name, "owner": owner or actor.member.id, "status": status},
    ).scalar_one()
    actor.db.commit()
    return made


def test_own_tasks_by_their_groups(shop: Shop) -> None:
    with shop.acting(shop.member("sales")) as mate:
        task(mate, "not mine", 0)
    with shop.acting() as actor:
        task(actor, "late", -1)
        task(actor, "any time", 0)
        task(actor, "last minute", 0, due_time="23:59")
        task(actor, "in a week", 7)
        task(actor, "in eight days", 8)
        task(actor, "whenever")
        actions.done(actor, actions.OneTask(id=task(actor, "ticked", 3).id))
        found = {name: [item.name for item in items] for name, items in grouped(agenda(actor, 7)).items() if items}
    assert found == {"late": ["late"], "today": ["last minute", "any time"], "soon": ["in a week"], "done": ["ticked"]}


def test_deals_of_mine_that_nothing_is_planned_for(shop: Shop) -> None:
    mate = shop.member("sales")
    with shop.acting(mate) as colleague:
        theirs = colleague.member.id
    with shop.acting() as actor:
        planned, finished = deal(actor, "planned"), deal(actor, "all done")
        deal(actor, "not mine", owner=theirs)
        deal(actor, "won", status="won")
        deal(actor, "forgotten")
        task(actor, "call", 2, deal_id=str(planned))
        actions.done(actor, actions.OneTask(id=task(actor, "call", 2, deal_id=str(finished)).id))
        found, count = without_next_step(actor)
        first_page, count_of_all = without_next_step(actor, most=1)
    assert {one.name for one in found} == {"all done", "forgotten"}
    assert (count, len(first_page), count_of_all) == (2, 1, 2)
    assert all(one.quiet == 0 and one.at == 0 and one.of >= 3 for one in found)


def test_the_page_says_it_in_numbers(shop: Shop) -> None:
    with shop.acting() as actor:
        task(actor, "late", -1)
        task(actor, "today", 0)
        deal(actor, "Winter garden")
    browser = shop.browser()
    assert browser.get(shop.path("/")).headers["Location"] == shop.path("/today")
    page = browser.get(shop.path("/today")).get_data(as_text=True)
    assert "2 things to do, 1 of them late" in page
    assert "Deals without a next step" in page
    assert "Winter garden" in page


def test_few_statements_however_much_there_is_to_do(shop: Shop) -> None:
    with shop.acting() as actor:
        for number in range(30):
            task(actor, f"task {number}", number % 9 - 2, deal_id=str(deal(actor, f"deal {number}")))
            deal(actor, f"forgotten {number}")
    browser = shop.browser()
    browser.get(shop.path("/today"))
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        said.append(statement)

    engines = (database().ws, database().control)
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    try:
        assert browser.get(shop.path("/today")).status_code == 200
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", note)
    assert len(said) <= 9, said  # the last two are the numbers beside the bell and the inbox
