"""Whatever is changed and whenever: what was billed is the price over the time it held, within a cent for each line."""

import tempfile
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.billing.standin.till import BEGINNING, Till

SEAT = 1200
BACKUPS = 1000


@dataclass(frozen=True)
class Step:
    """After `wait` seconds, so many seats; billed now, or with the next invoice."""

    wait: int
    seats: int
    now: bool


steps = st.lists(st.builds(Step, st.integers(1, 40 * 86400), st.integers(1, 40), st.booleans()), max_size=6)


@settings(max_examples=25, deadline=None)
@given(seats=st.integers(1, 40), steps=steps, rest=st.integers(1, 70 * 86400))
def test_what_is_billed_is_the_price_over_time(seats: int, steps: list[Step], rest: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        till = Till(Path(folder))
        customer = till.customer()
        subscription = till.subscribe(customer, (till.price(SEAT), seats), (till.price(BACKUPS, name="Backups"), 1))
        item = subscription["items"].data[0].id
        held = [(till.standin.now(), seats)]
        for step in steps:
            till.standin.advance(till.standin.now() + step.wait)
            behavior = "always_invoice" if step.now else "create_prorations"
            till.change(subscription, {"id": item, "quantity": step.seats}, proration_behavior=behavior)
            held.append((till.standin.now(), step.seats))
        till.standin.advance(till.standin.now() + rest)
        end = till.look(subscription)["items"].data[0].current_period_end
        till.standin.advance(end - 60)  # whatever waited for an invoice of a period that has begun is on it by now
        waiting = till.v1.invoices.create_preview({"subscription": subscription.id})
        prorated = [line for line in waiting.lines.data if line.parent.subscription_item_details.proration]
        lines = [line for bill in till.invoices(customer) for line in bill.lines.data] + prorated
        billed = sum(line.amount for line in lines)
        assert abs(billed - cost(held, end)) <= Fraction(len(lines), 2)
        paid = sum(bill.amount_paid for bill in till.invoices(customer))
        balance = till.v1.customers.retrieve(customer).balance
        assert paid + balance == billed - sum(line.amount for line in prorated)


def cost(held: list[tuple[int, int]], end: int) -> Fraction:
    """The seats that held at each moment, at the price of the period it lies in, and the backups."""
    total = Fraction(0)
    for start, stop in months(end):
        for (since, seats), until in zip(held, [at for at, _seats in held[1:]] + [end], strict=True):
            overlap = max(0, min(stop, until) - max(start, since))
            total += Fraction(overlap, stop - start) * (seats * SEAT + BACKUPS)
    return total


def months(end: int) -> list[tuple[int, int]]:
    """The periods from the last day of January on, found without the code that is tried: the last day of each month."""
    bounds, at = [int(BEGINNING.timestamp())], BEGINNING
    while bounds[-1] < end:
        year, month = (at.year + at.month // 12, at.month % 12 + 1)
        after = BEGINNING.replace(year=year + month // 12, month=month % 12 + 1, day=1).timestamp()
        bounds.append(int(after) - 86400)
        at = BEGINNING.replace(year=year, month=month, day=1)
    return list(pairwise(bounds))
