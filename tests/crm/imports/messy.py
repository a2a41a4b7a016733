"""A file of contacts as real businesses bring them: Czech names, telephones in every spelling, the same person twice,
broken rows. Seeded, so that the numbers to expect are known.

    python -m tests.crm.imports.messy 5000 out.csv --encoding cp1250 --separator ';'
"""

import csv
import io
import random
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import BinaryIO

from faker import Faker

from core.text import plain
from tests.crm.imports.workbooks import Cell, write_workbook

HEADINGS = ["Jméno a příjmení", "Tel.", "e-mail", "Firma", "Ulice", "PSČ město", "Naposled", "Poznámka"]
NAME, PHONE, EMAIL, COMPANY, STREET, PLACE, LAST, ABOUT = range(8)
PREFIXES = (  # of Czech mobiles
    "601 602 603 604 605 606 607 608 720 721 723 724 725 728 731 "
    "732 733 736 737 739 770 773 774 775 776 777 792 793 795 797"
)
MOBILE = PREFIXES.split()
DOMAINS = ["seznam.cz", "email.cz", "centrum.cz", "volny.cz", "gmail.com", "post.cz", "tiscali.cz", "outlook.cz"]
NOTES = ["", "", "VIP", "nevolat dopoledne", "slevu; zná Petra", 'říká si "šéf"', "zámek\ndruhé patro", "ěščřž"]
UNREADABLE_PHONES = ["volat večer", "12345", "602 114", "linka 12", "stejné jako manželka"]


@dataclass
class Expected:
    """What a true import of the file must count. `rows` are those with anything in them; the blank ones are apart.
    A duplicate is a row whose e-mail or phone stood in an earlier row."""

    rows: int = 0
    new: int = 0
    duplicates: int = 0
    refused: int = 0
    blank: int = 0
    unreadable_phones: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def numbers(self, duplicates: str = "skip") -> dict[str, int]:
        """The four numbers of the report, by what is done with duplicates: "skip", "update" or "create"."""
        return {
            "created": self.new + (self.duplicates if duplicates == "create" else 0),
            "changed": self.duplicates if duplicates == "update" else 0,
            "skipped": self.duplicates if duplicates == "skip" else 0,
            "refused": self.refused,
        }


def write_messy(
    rows: int, file: BinaryIO, *, kind: str = "csv", encoding: str = "utf-8", separator: str = ";", seed: int = 1
) -> Expected:
    """Write about `rows` rows under a heading (blank ones come on top) and say what is to be expected of them."""
    expected = Expected()
    lines = messy_rows(rows, random.Random(seed), expected, as_text=kind == "csv")
    if kind == "xlsx":
        write_workbook(file, [HEADINGS, *(spreadsheet(cells) for cells in lines)])
        return expected
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator="\r\n")
    writer.writerow(HEADINGS)
    for cells in lines:
        if cells == [UNPAIRED]:
            text.write(separator.join(['"Kovář "Olda"', "602 114 873", "", "", "", "", "", ""]) + "\r\n")
        else:
            writer.writerow(cells)
    text.detach()
    return expected


UNPAIRED = '"'
BROKEN = ["email_at", "email_ending", "email_space", "email", "date", "nobody", "too_many", "long", "formula", "quotes"]


def messy_rows(rows: int, chance: random.Random, expected: Expected, *, as_text: bool) -> Iterator[list[str]]:
    made: list[list[str]] = []
    for index in range(rows):
        fate = chance.random()
        if fate < 0.005:
            expected.blank += 1
            yield [""] * len(HEADINGS)
        expected.rows += 1
        if fate < 0.012:
            code = chance.choice(BROKEN if as_text else BROKEN[:-1])
            expected.refused += 1
            expected.reasons[code] += 1
            yield broken(code, contact(index, chance))
        elif fate < 0.05 and made:
            expected.duplicates += 1
            yield again(chance.choice(made), chance)
        else:
            expected.new += 1
            cells = contact(index, chance)
            if cells[PHONE] and cells[EMAIL] and chance.random() < 0.01:
                cells[PHONE] = chance.choice(UNREADABLE_PHONES)
                expected.unreadable_phones += 1
            elif len(made) < 20_000:
                made.append(cells)
            yield cells


def contact(index: int, chance: random.Random) -> list[str]:
    women, men, surnames_of_women, surnames_of_men, streets, places, firms = pools()
    first, last = (
        (chance.choice(women), chance.choice(surnames_of_women))
        if chance.random() < 0.5
        else (chance.choice(men), chance.choice(surnames_of_men))
    )
    name = chance.choice([f"{first} {last}"] * 7 + [f"{last} {first}", f"{last}, {first}", f"Ing. {first} {last}"])
    email = f"{plain(first)}.{plain(last).replace(' ', '')}{index}@{chance.choice(DOMAINS)}"
    has = chance.random()
    return [
        name,
        spelled(national(index), chance) if has > 0.1 else "",
        email if has < 0.9 else "",
        chance.choice(firms) if chance.random() < 0.3 else "",
        f"{chance.choice(streets)} {chance.randint(1, 199)}",
        chance.choice(places),
        czech_date(chance),
        chance.choice(NOTES),
    ]


def national(index: int) -> str:
    """Nine digits of a Czech mobile, another for each index under 30 million."""
    return f"{MOBILE[index % 30]}{index // 30 * 104_729 % 1_000_000:06d}"


def spelled(digits: str, chance: random.Random) -> str:
    a, b, c = digits[:3], digits[3:6], digits[6:]
    return chance.choice(
        [f"{a} {b} {c}", digits, f"+420 {a} {b} {c}", f"+420{digits}", f"00420{digits}", f"{a}/{b}{c}", f"{a}-{b}-{c}",
         f"(+420) {a} {b} {c}", f"tel. {a} {b} {c}", f"{a}.{b}.{c}", f"420{digits}"]
    )  # fmt: skip


def again(cells: list[str], chance: random.Random) -> list[str]:
    """The same person: the e-mail in other case, the phone in another spelling, a new note."""
    copy = list(cells)
    copy[EMAIL] = cells[EMAIL].upper() if chance.random() < 0.5 else cells[EMAIL]
    if cells[PHONE]:
        digits = "".join(filter(str.isdigit, cells[PHONE]))[-9:]
        copy[PHONE] = spelled(digits, chance)
    copy[ABOUT] = "znovu"
    return copy


def broken(code: str, cells: list[str]) -> list[str]:
    match code:
        case "email_at":
            cells[EMAIL] = "novak.seznam.cz"
        case "email_ending":
            cells[EMAIL] = "chladek@stavbykrejci"
        case "email_space":
            cells[EMAIL] = "jan novak@seznam.cz"
        case "email":
            cells[EMAIL] = "jan..novak@seznam.cz"
        case "date":
            cells[LAST] = "31. 2. 2025"
        case "nobody":
            cells[NAME] = cells[PHONE] = cells[EMAIL] = cells[COMPANY] = ""
        case "too_many":
            cells.append("navíc")
        case "long":
            cells[ABOUT] = "dlouhé " * 2_000
        case "formula":
            cells[COMPANY] = "#REF!"
        case "quotes":
            return [UNPAIRED]
    return cells


def czech_date(chance: random.Random) -> str:
    day = date(2024, 1, 1) + timedelta(days=chance.randrange(1000))
    return chance.choice([f"{day.day}. {day.month}. {day.year}", f"{day:%d.%m.%Y}", day.isoformat(), ""])


def spreadsheet(cells: list[str]) -> list[Cell]:
    """As Excel would have it: telephones of digits alone are numbers, ISO dates are dates."""
    typed: list[Cell] = list(cells)
    if cells[PHONE].isdigit() and not cells[PHONE].startswith("0"):
        typed[PHONE] = float(cells[PHONE])
    if cells[LAST][4:5] == "-":
        typed[LAST] = date.fromisoformat(cells[LAST])
    return typed


@cache
def pools() -> tuple[list[str], ...]:
    """Faker is slow at names by the hundred thousand, so it gives a few hundred of each and chance joins them."""
    fake = Faker("cs_CZ")
    fake.seed_instance(20_261_124)
    return (
        [fake.first_name_female() for _ in range(300)],
        [fake.first_name_male() for _ in range(300)],
        [fake.last_name_female() for _ in range(800)],
        [fake.last_name_male() for _ in range(800)],
        [fake.street_name() for _ in range(400)],
        [f"{fake.postcode()} {fake.city_name()}" for _ in range(400)],
        [fake.company() for _ in range(400)],
    )


def main() -> None:
    parser = ArgumentParser(description="Write a messy file of contacts and print the numbers to expect.")
    parser.add_argument("rows", type=int)
    parser.add_argument("path", type=Path)
    parser.add_argument("--encoding", default="utf-8")
    parser.add_argument("--separator", default=";")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with given.path.open("wb") as file:
        expected = write_messy(
            given.rows, file, kind="xlsx" if given.path.suffix == ".xlsx" else "csv",
            encoding=given.encoding, separator=given.separator, seed=given.seed,
        )  # fmt: skip
    sys.stdout.write("".join(f"{key}: {value}\n" for key, value in vars(expected).items()))


if __name__ == "__main__":
    main()
