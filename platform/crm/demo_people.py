"""Who is in the windows shop of the demo, who its forty clients are, and how each of them goes on."""

import random
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from core.text import plain
from crm.demo_words import CZECHIA

# A client's way: won, lost at a step, or open: it stops at a step and waits there. With the age in days.
Plan = tuple[str, float]
CLIENTS: tuple[Plan, ...] = (
    *(("won", age) for age in (89, 82, 76, 70, 63, 54, 44)),
    *(("no", age) for age in (85, 52, 12)),
    *(("declined", age) for age in (79, 61, 47, 33)),
    ("stop:install", 30), ("stop:install", 25), ("stop:install", 23), ("stop:chase", 36), ("stop:ask", 21),
    ("stop:agree_installation", 20), ("stop:agree_installation", 17),
    *(("stop:paid", age) for age in (18, 16, 14)),
    *(("stop:accepted", age) for age in (13, 11, 9)),
    *(("stop:price", age) for age in (11, 6.5, 5.5)),
    *(("stop:measure", age) for age in (9, 2.2, 1.6, 1.1)),
    ("stop:agree_visit", 1.3), ("stop:agree_visit", 0.6), ("stop:call_later", 2.4),
    *(("stop:call", age) for age in (1.2, 0.3, 0.03)),
)  # fmt: skip
LATE = frozenset({4, 9, 22, 30})  # who was called too late
BY_PHONE = 5  # every fifth client calls, the others send the web form
# Days from the call to the measuring.
STOPS: dict[str, tuple[int, int]] = {"visit": (1, 3)}


@dataclass(frozen=True)
class Hire:
    key: str
    name: str
    does: str
    role: str
    department: str
    own_role: str = ""


STAFF = (
    Hire("jana", "Jana Dvořáková", "owner", "owner", "sales"),
    Hire("hana", "Hana Malá", "head", "head", "sales"),
    Hire("petr", "Petr Novotný", "manager", "sales", "sales"),
    Hire("eva", "Eva Králová", "estimator", "sales", "quotes", "estimator"),
    Hire("tomas", "Tomáš Beneš", "measurer", "field", "field", "measurer"),
    Hire("karel", "Karel Fiala", "installer", "field", "field", "installer"),
    Hire("lukas", "Lukáš Pokorný", "installer", "field", "field", "installer"),
)
# What people and things are called: departments and roles as config/industries/windows.yaml has them, answers as its
# process offers them.
WORDS: dict[str, dict[str, str]] = {
    "en": {
        "owner": "Owner", "head": "Head of sales", "manager": "Manager", "estimator": "Estimator",
        "sales": "Sales", "quotes": "Quotes", "field": "Measuring and installation",
        "measurer": "Measurer", "installer": "Installer",
        "measure": "Take measurements", "again": "Call again", "no": "No interest", "will_pay": "Will pay",
        "plastic": "Plastic", "wood": "Wood", "done": "All is in place", "faults": "In place, with faults to mend",
        "declined": "Another firm is cheaper", "reason": "Chose another firm",
    },
    "cs": {
        "owner": "Majitelka", "head": "Vedoucí prodeje", "manager": "Obchodník", "estimator": "Kalkulant",
        "sales": "Prodej", "quotes": "Nabídky", "field": "Zaměření a montáž",
        "measurer": "Zaměřovač", "installer": "Montér",
        "measure": "Zaměřit", "again": "Zavolat znovu", "no": "Nemá zájem", "will_pay": "Zaplatí",
        "plastic": "Plast", "wood": "Dřevo", "done": "Vše hotovo", "faults": "Hotovo, zbývají závady",
        "declined": "Jiná firma je levnější", "reason": "Vybral si jinou firmu",
    },
}  # fmt: skip
WISHES: dict[str, tuple[str, ...]] = {
    "en": ("Six plastic windows for a flat", "New windows for a whole house", "Balcony door and two windows",
           "Wooden windows, the house is listed", "Windows for the attic, three of them", "Old windows leak",
           "Entrance door and windows on the ground floor"),
    "cs": ("Šest plastových oken do bytu", "Nová okna do celého domu", "Balkonové dveře a dvě okna",
           "Dřevěná okna, dům je památka", "Okna do podkroví, tři kusy", "Stará okna netěsní",
           "Vchodové dveře a okna v přízemí"),
}  # fmt: skip
TALKS: dict[str, dict[str, str]] = {
    "en": {"call": "Wants it done before the winter", "ask": "Compares with another firm", "chase": "Pays this week"},
    "cs": {"call": "Chce to stihnout do zimy", "ask": "Porovnává s jinou firmou", "chase": "Zaplatí tento týden"},
}
NOTES: dict[str, tuple[str, ...]] = {
    "en": ("The sill is rotten", "Second floor, no lift", "Two of them are 900 × 1400", ""),
    "cs": ("Parapet je shnilý", "Druhé patro bez výtahu", "Dvě z nich jsou 900 × 1400", ""),
}


@dataclass(frozen=True)
class Client:
    language: str
    first: str
    last: str
    phone: str
    street: str
    city: str
    wish: str
    fate: str
    age: float
    calls: bool
    late: bool

    @property
    def stops(self) -> tuple[str, ...]:
        """The steps that do not come to their end."""
        step = self.fate.removeprefix("stop:")
        return {"ask": ("accepted", "ask"), "chase": ("paid", "chase")}.get(step, (step,))

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"

    @property
    def email(self) -> str:
        """An address that no mail server will ever deliver to (RFC 2606)."""
        return f"{re.sub('[^a-z]', '', plain(self.first))}.{re.sub('[^a-z]', '', plain(self.last))}@posta.example"

    def contact(self) -> dict[str, Any]:
        address = {"kind": "home", "street": self.street, "city": self.city}
        ways = {"emails": [{"address": self.email}], "phones": [{"number": self.phone}], "addresses": [address]}
        return {"first_name": self.first, "last_name": self.last, **ways}

    def request(self) -> dict[str, Any]:
        """As the web form hands it over."""
        address = {"addresses": [{"kind": "home", "street": self.street, "city": self.city}]}
        return {"name": self.name, "email": self.email, "phone": self.phone, "text": self.wish,
                "fields": {"contact": address}}  # fmt: skip

    def said(self, element: str) -> str:
        return TALKS[self.language][element]


def client_of(rng: random.Random, language: str, number: int, plan: Plan) -> Client:
    woman = rng.random() < 0.45
    return Client(
        language,
        rng.choice(CZECHIA.women if woman else CZECHIA.men),
        rng.choice(CZECHIA.surnames)[woman],
        f"+42060{rng.randrange(10**7):07}",
        f"{rng.choice(CZECHIA.streets)} {rng.randint(1, 120)}",
        rng.choice(CZECHIA.towns)[0],
        rng.choice(WISHES[language]),
        *plan,
        calls=number % BY_PHONE == BY_PHONE - 1,
        late=number in LATE,
    )


def delay_of(rng: random.Random, element: str, client: Client) -> timedelta:
    """After how long somebody does a step."""
    match element:
        case "call":
            return timedelta(minutes=rng.uniform(35, 80) if client.late else rng.uniform(2, 13))
        case "measure" | "install":
            return timedelta(minutes=10)  # not before the visit
        case "paid":
            return timedelta(days=rng.uniform(1, 4))
        case "price" | "agree_installation":
            return timedelta(hours=rng.uniform(2, 20))
    return timedelta(hours=rng.uniform(0.5, 5))


def values_of(rng: random.Random, language: str, element: str, client: Client) -> dict[str, Any]:
    """What is filled in. `hour` or `again` ask for a day, too, which the play adds."""
    words = WORDS[language]
    hour = f"{rng.randint(8, 15):02}:{rng.choice(('00', '30'))}"
    refused = {"outcome": words["no"], "reason": words["reason"]}
    ways: dict[str, dict[str, Any]] = {
        "no": refused,
        "stop:call_later": {"outcome": words["again"], "again": ""},
        "stop:agree_visit": {"outcome": words["measure"]},
    }
    measured = {
        "count": rng.randint(2, 11),
        "width": rng.randrange(600, 2400, 50),
        "height": rng.randrange(900, 2200, 50),
        "material": words["wood" if rng.random() < 0.25 else "plastic"],
        "notes": rng.choice(NOTES[language]),
    }
    values: dict[str, dict[str, Any]] = {
        "call": {"wants": client.wish, **ways.get(client.fate, {"outcome": words["measure"], "hour": hour})},
        "measure": measured,
        "price": {"agreed": client.wish},
        "ask": refused,
        "chase": {"outcome": words["will_pay"]},
        "agree_visit": {"hour": hour},
        "agree_installation": {"hour": hour},
        "install": {"done": words["faults" if rng.random() < 0.2 else "done"]},
    }
    return values.get(element, {})
