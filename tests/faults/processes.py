"""A process that takes up each deal of these runs: two notes, a wait, an addition; any of them would show twice."""

from collections import Counter
from collections.abc import Iterator

from sqlalchemy import text
from sqlalchemy.orm import Session

from core.actor import Actor
from crm.processes import actions
from tests.crm.processes import drawing as d

FOLLOWED = d.process(
    d.start("deal.created if=deal.name.startsWith('load')"),
    d.service("first", "note.create", text="'first'", deal_id="deal.id"),
    d.waits("wait", "PT2S"),
    d.service(
        "add", "deal.edit", id="deal.id", amount="(has(deal.amount) && deal.amount != null ? deal.amount : 0) + 1"
    ),
    d.service("second", "note.create", text="'second'", deal_id="deal.id"),
    d.end(),
    "start -> first -> wait -> add -> second -> end",
)
FOUND = text("""
select deal.name, deal.amount,
       (select array_agg(note.text order by note.id) from note where note.deal_id = deal.id) as notes,
       (select array_agg(status order by id) from process_instance where record_id = deal.id) as runs,
       (select max(error) from process_instance where record_id = deal.id) as error
from deal where deal.name like 'load %'
""")


def publish(actor: Actor) -> None:
    made = actions.create(actor, actions.create.parse({"xml": FOLLOWED}))
    actions.publish(actor, actions.OneProcess(id=made.id))


def astray(session: Session) -> Iterator[str]:
    """Deals that were not followed whole, or twice; how often each is there is counted as well."""
    rows = session.execute(FOUND).all()
    names = Counter(row.name for row in rows)
    yield from (f"deal {name} is there {number} times" for name, number in names.items() if number > 1)
    for row in rows:
        if row.runs != ["done"]:
            yield f"deal {row.name} has the runs {row.runs}: {row.error}"
        elif row.notes != ["first", "second"] or row.amount != 1:
            yield f"deal {row.name} was followed with {row.notes} and the amount {row.amount}"
