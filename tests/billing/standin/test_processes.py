"""Several processes share one file: the web workers, the worker of jobs, a command."""

import multiprocessing
from pathlib import Path

from tests.billing.standin.till import Till


def test_processes_that_change_the_same_file_lose_nothing(till: Till) -> None:
    customer = till.customer()
    subscription = till.subscribe(customer, (till.price(1200), 1))
    context = multiprocessing.get_context("spawn")
    item = subscription["items"].data[0].id
    processes = [context.Process(target=work, args=(till.folder, subscription.id, item, n)) for n in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    seats = till.look(subscription)["items"].data[0].quantity
    bills = till.invoices(customer)
    balance = till.v1.customers.retrieve(customer).balance
    assert sum(bill.amount_paid for bill in bills) + balance == 1200 * seats
    assert len({bill.number for bill in bills}) == len(bills) == 21


def work(folder: Path, subscription: str, item: str, n: int) -> None:
    till = Till(folder)
    for seats in range(10):
        change = {"items": [{"id": item, "quantity": 10 * n + seats + 2}], "proration_behavior": "always_invoice"}
        till.v1.subscriptions.update(subscription, change)
