"""`okno demo`: rows as people would have made them, the same for the same seed, whole chunks when stopped."""

import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from core.db import database
from core.listing import Ask
from core.people import checked_email, e164
from crm import demo
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.contacts.queries import LISTING
from crm.deals.models import Deal
from crm.demo_words import CZECHIA
from crm.tasks.models import Task
from tests.shop import Shop

OKNO = [sys.executable, "-c", "from crm.cli import main; main()"]


def filled(shop: Shop, contacts: int = 300, deals: int = 150, seed: int = 1) -> None:
    demo.fill(database(), shop.workspace, contacts=contacts, deals=deals, seed=seed)


def okno(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*OKNO, *arguments], capture_output=True, text=True, timeout=60, check=False, env=environ())


def environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([".", "platform"])}


def test_derived_columns_are_what_the_models_compute(shop: Shop) -> None:
    filled(shop)
    with shop.acting() as actor:
        rows: list[Contact | Company | Deal] = []
        for model in (Contact, Company, Deal):
            rows += actor.db.scalars(select(model))
        for row in rows:
            names = row.derived - {"last_contact_at", "rank", "stage_since"}
            stored = {name: getattr(row, name) for name in names}
            row.index(actor.workspace.language)
            assert stored == {name: getattr(row, name) for name in names}


def test_values_would_pass_the_doors_of_the_product(shop: Shop) -> None:
    filled(shop)
    with shop.acting() as actor:
        for contact in actor.db.scalars(select(Contact)):
            assert all(e164(phone["number"], "CZ") == phone["number"] for phone in contact.phones)
            assert all(checked_email(email["address"]) == email["address"] for email in contact.emails)
            assert all(email["address"].endswith(".example") for email in contact.emails)
            assert contact.created_at <= datetime.now(UTC)


def test_women_have_the_surnames_of_women(shop: Shop) -> None:
    filled(shop)
    women = dict.fromkeys(CZECHIA.women)
    his = {man for man, woman in CZECHIA.surnames if man != woman}
    names = shop.rows("select first_name, last_name from contact")
    czech = [row for row in names if row.first_name in women and row.first_name not in CZECHIA.men]
    assert len(czech) > 20
    assert [row for row in czech if row.last_name in his] == []


def test_the_newest_stands_first_in_the_list(shop: Shop) -> None:
    filled(shop)
    with shop.acting() as actor:
        page = LISTING.page(actor, Ask(sort="-created", limit=100), Contact.id, Contact.created_at)
    made = [row.created_at for row in page.rows]
    assert made == sorted(made, reverse=True)
    assert made[0] - made[-1] > timedelta(days=10)


def test_a_year_of_deals_in_every_stage(shop: Shop) -> None:
    filled(shop, deals=400)
    stages = shop.rows("select id from stage")
    open_ones = shop.rows("select distinct stage_id from deal where status = 'open'")
    assert len(open_ones) == len(stages)
    for status in ("won", "lost"):
        months = shop.rows("select distinct date_trunc('month', closed_at) from deal where status = :s", s=status)
        assert len(months) >= 10
    assert shop.rows("select 1 from deal where (status = 'open') <> (closed_at is null)") == []
    assert shop.rows("select 1 from deal where created_at > coalesce(closed_at, now())") == []
    assert shop.rows("select stage_id, rank from deal group by 1, 2 having count(*) > 1") == []


def test_some_tasks_are_late_and_some_are_for_today(shop: Shop) -> None:
    filled(shop)
    today = datetime.now(UTC).date()
    with shop.acting() as actor:
        due = list(actor.db.scalars(select(Task.due_on).where(Task.done_at.is_(None))))
    assert min(day for day in due if day) < today < max(day for day in due if day)
    assert today in due
    assert shop.rows("select 1 from note where form = 'call' and result = 'answered' and minutes > 0")
    assert shop.rows("select 1 from task where done_at is not null")


def test_the_same_seed_makes_the_same_people(shop: Shop, other: Shop) -> None:
    filled(shop, 40, 10, seed=7)
    filled(other, 40, 10, seed=7)
    people = "select name, emails from contact order by name"
    assert shop.rows(people) == other.rows(people)
    assert shop.rows("select name, amount from deal order by 1, 2") == other.rows(
        "select name, amount from deal order by 1, 2"
    )


def test_again_it_adds_others(shop: Shop) -> None:
    filled(shop, 40, 0)
    first = {row.name for row in shop.rows("select name from contact")}
    filled(shop, 40, 0)
    names = [row.name for row in shop.rows("select name from contact")]
    assert len(names) == 80
    assert len(set(names) - first) > 20


def test_deals_without_any_contact(shop: Shop) -> None:
    filled(shop, 0, 20)
    assert shop.rows("select count(*) from deal where contact_id is null")[0][0] == 20


def test_command_says_what_it_made(shop: Shop) -> None:
    done = okno("demo", shop.workspace.slug, "--contacts", "24", "--deals", "5")
    assert done.returncode == 0
    assert done.stdout.startswith("24 contacts, 3 companies, 5 deals, ")


def test_command_refuses_what_it_does_not_know(installed: None) -> None:
    unknown = okno("demo", "no-such-workspace")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "there is no workspace no-such-workspace" in unknown.stderr
    assert okno("demo", "anything", "--contacts", "9000000").returncode == 2
    assert okno("demo", "anything", "--deals", "-1").returncode == 2


@pytest.mark.slow
def test_stopped_it_leaves_whole_chunks(shop: Shop) -> None:
    command = [*OKNO, "demo", shop.workspace.slug, "--contacts", "60000"]
    with subprocess.Popen(command, env=environ(), stderr=subprocess.PIPE, text=True) as process:
        try:
            deadline = time.monotonic() + 120
            while not (stored := count(shop)) and time.monotonic() < deadline and process.poll() is None:
                time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            said = process.stderr.read()
            assert process.wait(60) == 1
        finally:
            process.kill()
    assert stored
    assert count(shop) % demo.CHUNK == 0
    assert f"stopped; {count(shop):,} contacts and deals are stored" in said


def count(shop: Shop) -> int:
    return int(shop.rows("select count(*) from contact")[0][0])
