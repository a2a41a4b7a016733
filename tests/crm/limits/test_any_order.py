"""Whatever is done in whatever order, the counter is what the rows say, and never above the cap."""

from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.full import LimitReached
from core.limits import count
from crm.contacts import actions
from tests.core.test_limits import bare
from tests.crm.imports.importing import SIMPLE, brought, press, row, work
from tests.crm.limits.paying import cap, create, live, one, value
from tests.shop import Shop, open_shop

CAP = 12


@pytest.mark.usefixtures("installed")
def test_the_counter_is_the_truth_after_any_story(app: Flask) -> None:  # noqa: C901 (a rule for each thing to do)
    class Story(RuleBasedStateMachine):
        shop: Shop

        @initialize()
        def begin(self) -> None:
            with app.test_request_context("/"):
                self.shop = open_shop(app)
            cap(self.shop, contacts=CAP)
            self.there: list[Any] = []
            self.bin: list[Any] = []
            self.imports: list[Any] = []
            self.people = 0

        def full(self) -> bool:
            return live(self.shop) >= CAP

        @rule()
        def make(self) -> None:
            full = self.full()
            try:
                self.there.append(create(self.shop))
                assert not full
            except LimitReached:
                assert full

        @precondition(lambda self: self.there)
        @rule(data=st.data())
        def delete(self, data: st.DataObject) -> None:
            chosen = data.draw(st.sampled_from(self.there))
            with self.shop.acting() as actor:
                actions.delete(actor, one(chosen))
            self.there.remove(chosen)
            self.bin.append(chosen)

        @precondition(lambda self: self.bin)
        @rule(data=st.data())
        def restore(self, data: st.DataObject) -> None:
            chosen, full = data.draw(st.sampled_from(self.bin)), self.full()
            try:
                with self.shop.acting() as actor:
                    actions.restore(actor, one(chosen))
                assert not full
            except LimitReached:
                assert full
                return
            self.bin.remove(chosen)
            self.there.append(chosen)

        @rule(rows=st.integers(1, 8))
        def bring_in(self, rows: int) -> None:
            lines = "".join(f"P{self.people + at};p{self.people + at}@example.com;;\n" for at in range(rows))
            self.people += rows
            room = CAP - live(self.shop)
            found = brought(self.shop, (SIMPLE + lines).encode())
            said = row(self.shop, found)
            assert (said.created, said.state) == (min(rows, room), "done" if rows <= room else "full")
            self.imports.append(found)

        @precondition(lambda self: self.imports)
        @rule()
        def undo(self) -> None:
            press(self.shop.browser(), self.shop, self.imports.pop(), "undo")
            work(self.shop)

        @rule(more=st.integers(-3, 3))
        def fail(self, more: int) -> None:
            with self.shop.base.workspace(self.shop.workspace) as session:
                session.add(bare("never"))
                session.flush()
                count(session, "contacts", more)
                session.rollback()

        @rule(inner=st.booleans())
        def save_points(self, inner: bool) -> None:
            with self.shop.base.workspace(self.shop.workspace) as session:
                savepoint = session.begin_nested()
                session.add(bare("in a savepoint"))
                session.flush()
                if inner:
                    savepoint.commit()
                else:
                    savepoint.rollback()
                try:
                    session.commit()
                except LimitReached:
                    assert self.full()

        @invariant()
        def the_counter_is_the_truth(self) -> None:
            if hasattr(self, "people"):
                assert value(self.shop) == live(self.shop) <= CAP

    Story.TestCase.settings = settings(
        max_examples=12, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck)
    )
    Story.TestCase().runTest()
