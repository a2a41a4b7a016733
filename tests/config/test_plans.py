"""The plans: what the file says, and what is said of a file that cannot be right."""

from decimal import Decimal

import pytest

from config import plans
from config.plans import PlansError

FREE = """
trial_days = 14
grace_days = 14
reminders = [0, 3, 7]

[plans.free]
name = "Free"
limits = { users = 10, storage = "2 GB" }
features = []
backups = { days = 0 }
"""
PAID = """
[plans.team]
name = "Team"
limits = { users = "seats" }
features = ["field_rights"]
backups = { every = "day", days = 30 }
month = { CZK = 10, EUR = 1, USD = 1.5 }
year = { CZK = 100, EUR = 10, USD = 15 }
"""


def test_the_plans_of_the_product_are_as_it_promises() -> None:
    known = plans.plans()
    assert list(known.plans) == ["free", "team", "business"]
    assert (known.free.cap("users", 0), known.free.cap("contacts", 0)) == (10, 100)
    team, business = known.of("team"), known.of("business")
    assert (team.cap("users", 7), team.cap("contacts", 7), business.cap("contacts", 7)) == (7, 50_000, None)
    assert business.features == {"field_rights", "single_sign_on"}
    assert known.cheapest_with("field_rights") == business
    assert (team.backups.every, team.backups.days, business.backups.every, business.backups.days) == (
        "day", 30, "hour", 90,
    )  # fmt: skip


def test_a_plan_reads_its_limits_sizes_and_prices() -> None:
    known = plans.read(FREE + PAID)
    assert (known.free.cap("storage", 0), known.free.cap("mails", 0)) == (2_000_000_000, None)
    assert known.of("team").price("month", "USD") == Decimal("1.5")
    assert known.free.price("year", "EUR") == 0
    assert known.of("sold no more") == known.free


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "plans"),
        (FREE.replace("users = 10", "members = 10"), "members"),
        (FREE.replace("features = []", 'features = ["telepathy"]'), "telepathy"),
        (FREE.replace('"2 GB"', '"two gigabytes"'), "two gigabytes"),
        (FREE + PAID.replace(", USD = 15 }", " }"), "team needs a price"),
        (PAID.replace("[plans.team]", "trial_days=1\ngrace_days=1\nreminders=[]\n[plans.team]"), "first plan"),
        (FREE + FREE.partition("[plans.free]")[2].replace("name", "[plans.x]\nname", 1), "every other has prices"),
        ("trial_days = ", "Invalid value"),
    ],
)
def test_a_file_that_cannot_be_right_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(PlansError, match=said):
        plans.read(text)
