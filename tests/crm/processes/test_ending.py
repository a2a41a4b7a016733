"""A run whose deal is lost, or whose record is gone, has nothing more to do: it ends, its tasks go, and it is said."""

import pytest

from tests.crm.processes.drawing import MESSAGE, beside, end, process, start, trigger, user
from tests.crm.processes.works import Works

WAITS = process(start(), user("call"), end(), "start -> call -> end", name="Windows by itself")


@pytest.mark.parametrize("how", ["lose", "delete"])
def test_a_run_ends_with_its_deal_and_does_not_come_back_with_it(works: Works, how: str) -> None:
    deal, kept = works.begun(WAITS), works.deal()
    task = works.task("call")
    if how == "lose":
        works.do("deal.lose", id=deal, reason="Price")
    else:
        works.do("deal.delete", id=deal)
    works.work()
    assert works.run().status == "cancelled"
    assert works.step("call").state == "cancelled"
    assert works.shop.rows("select deleted_at from task where id = :id", id=task.id)[0].deleted_at is not None
    works.do("deal.restore" if how == "delete" else "deal.reopen", id=deal)
    works.do("deal.edit", id=kept, name="Others")
    works.work()
    assert works.run().status == "cancelled"
    assert works.shop.rows("select count(*) as n from process_instance")[0].n == 1
    page = works.shop.browser().get(works.shop.path(f"/deals/{deal}")).get_data(as_text=True)
    assert "The process <b>Windows by itself</b> was ended. " in page
    assert works.shop.rows("select count(*) as n from task where deleted_at is null and done_at is null")[0].n == 0


def test_a_run_of_another_deal_goes_on(works: Works) -> None:
    works.begun(WAITS)
    other = works.deal(name="Dveře")
    works.do("deal.delete", id=other)
    works.work()
    assert works.run().status == "running"
    assert works.waiting() == ["call"]


def test_a_process_that_listens_for_the_loss_takes_its_own_way(works: Works) -> None:
    lost = beside("lost", "call", MESSAGE, trigger("deal.lose"))
    deal = works.begun(
        process(start(), user("call"), lost, user("thank"), end(), "start -> call -> end", "lost -> thank -> end")
    )
    works.do("deal.lose", id=deal, reason="Price")
    works.work()
    assert works.run().status == "running"
    assert works.waiting() == ["thank"]
    assert works.step("call").state == "cancelled"


def test_a_won_deal_ends_nothing(works: Works) -> None:
    deal = works.begun(WAITS)
    works.do("deal.win", id=deal)
    works.work()
    assert works.run().status == "running"
