"""What a paper costs: one quote as PDF."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from statistics import median
from typing import Any

from bench.figures import Figure
from bench.ground import Grounds
from crm.documents.spayd import qr_svg
from crm.documents.typeset import typeset

PAPERS = 30
LINES = 20
TARGET = 100.0  # ms


def quote(_grounds: Grounds) -> Iterator[Figure]:
    """The PDF of a quote of 20 lines with its QR code, in the child that makes it, 30 times after a first one."""
    typeset("quote", said(0), datetime.now(UTC))
    taken = []
    for number in range(PAPERS):
        began = time.perf_counter()
        typeset("quote", said(number), datetime.now(UTC))
        taken.append((time.perf_counter() - began) * 1000)
    taken.sort()
    shown = f"p50 {median(taken):.0f} ms, best {taken[0]:.0f}, p95 {taken[int(PAPERS * 0.95)]:.0f}"
    yield Figure("one quote as PDF", shown, "-", median(taken), TARGET, unit=" ms")


def said(number: int) -> dict[str, Any]:
    look = {
        "name": "Okna Horák", "colour": "#2f6b4f", "logo": [], "footer": "Okna Horák s.r.o.", "header": "", "terms": "",
        "party": ["Okna Horák s.r.o.", "Vídeňská 1", "639 00 Brno"],
    }  # fmt: skip
    words = {name: name for name in ("quote", "from", "to", "to_pay", "qr", "account", "terms")}
    item = {
        "name": "Dřevěné okno 120 x 150", "quantity": "3", "unit": "ks", "price": "27 820,00", "discount": "",
        "vat": "21 %", "net": "83 460,00",
    }  # fmt: skip
    return {
        "title": "", "lang": "cs", "number": f"2026-{number:04}", "name": "Okna do bytu", "facts": [("do", "1. 1.")],
        "client": ["Petr Černý"], "items": [item] * LINES, "totals": [("Bez DPH", "1 669 200,00 Kč")],
        "gross": "2 019 732,00 Kč", "account": "CZ65 0800 0000 1920 0014 5399", "qr": qr_svg(f"SPD*1.0*X-VS:{number}"),
        "note": "Děkujeme.", "look": look, "words": {**words, "columns": [""] * 6},
    }  # fmt: skip
