"""The order of a lane after many moves, and when two people move at once."""

import threading
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from core.listing import Ask
from crm.deals import actions, queries
from crm.deals.actions import MovedDeal, NewDeal
from crm.deals.models import Deal
from tests.shop import Shop

CARDS = 6
MOVES = st.lists(
    st.tuples(st.integers(0, CARDS - 1), st.integers(0, 1), st.integers(0, CARDS), st.booleans()),
    min_size=1,
    max_size=30,
)


def order(shop: Shop, stage_id: UUID) -> list[UUID]:
    return [row.id for row in shop.rows("select id from deal where stage_id = :id order by rank, id", id=stage_id)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MOVES)
def test_cards_stand_where_they_were_put(shop: Shop, moves: list[tuple[int, int, int, bool]]) -> None:
    with shop.acting() as actor:
        stages = queries.pipelines(actor)[0].stages[:2]
        actor.db.execute(delete(Deal))
        ids = [actions.create(actor, NewDeal(name=f"Deal {number}")).id for number in range(CARDS)]
        lanes = [list(reversed(ids)), list[UUID]()]
        for card, to, wanted, by_the_upper in moves:
            target = [one for one in lanes[to] if one != ids[card]]
            place = min(wanted, len(target))
            above = target[place - 1] if place else None
            below = target[place] if place < len(target) else None
            if not above and not below and ids[card] in lanes[to]:
                continue
            named = {"after": above} if above and (by_the_upper or not below) else {"before": below}
            actions.move(actor, MovedDeal(id=ids[card], stage_id=stages[to].id, **named))
            for cards in lanes:
                if ids[card] in cards:
                    cards.remove(ids[card])
            lanes[to].insert(place, ids[card])
        board = queries.board(actor, queries.pipelines(actor)[0], Ask())
    assert [[card.id for card in part.cards] for part in board[:2]] == lanes


def test_a_hundred_cards_put_into_the_same_place_make_room(shop: Shop) -> None:
    with shop.acting() as actor:
        top, bottom = (actions.create(actor, NewDeal(name=name)) for name in ("Top", "Bottom"))
        actions.move(actor, MovedDeal(id=top.id, stage_id=top.stage_id, before=bottom.id))
        put = [actions.create(actor, NewDeal(name=f"Deal {number}")).id for number in range(100)]
        for card in put:
            actions.move(actor, MovedDeal(id=card, stage_id=top.stage_id, after=top.id))
    assert order(shop, top.stage_id) == [top.id, *reversed(put), bottom.id]
    ranks = [row.rank for row in shop.rows("select rank from deal")]
    assert len(set(ranks)) == len(ranks)


def test_two_who_move_into_the_same_place_at_once_both_succeed(shop: Shop) -> None:
    with shop.acting() as actor:
        first = actions.create(actor, NewDeal(name="First"))
        target = queries.pipelines(actor)[0].stages[1].id
        moved = [actions.create(actor, NewDeal(name=f"Deal {number}")).id for number in range(8)]
        actions.move(actor, MovedDeal(id=first.id, stage_id=target))
    refused: list[BaseException] = []
    together = threading.Barrier(4)

    def work(cards: list[UUID]) -> None:
        try:
            with shop.acting() as actor:
                together.wait(10)
                for card in cards:
                    actions.move(actor, MovedDeal(id=card, stage_id=target, after=first.id))
        except BaseException as error:  # noqa: BLE001 (whatever it is, the test must see it)
            refused.append(error)

    threads = [threading.Thread(target=work, args=(moved[number::4],)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == []
    found = order(shop, target)
    assert found[0] == first.id
    assert set(found[1:]) == set(moved)
    ranks = [row.rank for row in shop.rows("select rank from deal where stage_id = :id", id=target)]
    assert len(set(ranks)) == len(ranks)
