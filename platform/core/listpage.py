"""A list as its page shows it: what its URL asks for, which rows these are of how many, and the pages around them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask import request
from flask_babel import format_decimal
from flask_babel import gettext as _
from sqlalchemy import Row

from core.actor import Actor
from core.listing import COUNTED, Ask, Listing
from core.pages import url_with

MOST = 2_000_000_000


@dataclass(frozen=True)
class ListPage:
    """`count` is a text such as "218" or "10,000+"; `rows_text` "Rows 51 to 100 of 10,000+"; the rest are URLs."""

    rows: list[Any]
    count: str
    rows_text: str
    previous: str | None
    next: str | None
    narrowed: bool


def asked(filters: Iterable[str], sort: str) -> Ask:
    """What the URL asks for. Zero bytes are dropped, since nothing stored can hold them."""
    given = {name: value.replace("\0", "") for name, value in request.args.items()}
    wanted = {name: given[name] for name in filters if given.get(name)}
    return Ask(given.get("q", "").strip(), given.get("sort") or sort, given.get("cursor", ""), filters=wanted)


def list_page(
    actor: Actor, listing: Listing, ask: Ask, columns: Iterable[Any], shown: Callable[[Row[Any]], Any]
) -> ListPage:
    """One page, each row made by `shown` from the columns. Raises Invalid for what the URL cannot mean."""
    page = listing.page(actor, ask, *columns)
    counted = listing.count(actor, ask)
    count = format_decimal(min(counted, COUNTED))
    more = counted > COUNTED
    first = first_row() if page.previous else 1
    last = first + len(page.rows) - 1
    where = {"first": format_decimal(first), "last": format_decimal(last), "count": count}
    return ListPage(
        rows=[shown(row) for row in page.rows],
        count=f"{count}+" if more else count,
        rows_text=_("Rows %(first)s to %(last)s of %(count)s+", **where)
        if more
        else _("Rows %(first)s to %(last)s of %(count)s", **where),
        previous=url_with(cursor=page.previous, row=max(1, first - ask.limit)) if page.previous else None,
        next=url_with(cursor=page.next, row=last + 1) if page.next else None,
        narrowed=bool(ask.q or ask.filters or ask.cursor),
    )


def first_row() -> int:
    """The number of the page's first row. A cursor knows none, so it comes along in the URL."""
    row = request.args.get("row", "")
    return min(int(row), MOST) if row.isascii() and row.isdigit() and len(row) < 12 else 1
