"""Links to the client's page of a quote. Nothing of them is stored: each is a signature of ours (256 bits) over the
workspace, the quote and the count of its links, so that a copy of the database opens none, and a new one ends the
former. Whoever holds a link may see and answer that quote, and nothing else."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm import Session

from config.settings import Settings
from core import signing
from core.db import Workspace, as_uuid, database
from core.letters import here
from crm.quotes.models import Quote
from tenants.directory import locate_number

PURPOSE = "quote link"


class Asked(NamedTuple):
    workspace: Workspace
    quote_id: UUID
    round: int


def address(config: Settings, workspace: Workspace, quote: Quote) -> str:
    return f"{config.url}/quote/{link_of(config, workspace, quote)}"


def link_of(config: Settings, workspace: Workspace, quote: Quote) -> str:
    said = f"{workspace.id}.{quote.id.hex}.{quote.link}"
    return f"{said}.{signing.sign(config, PURPOSE, said)}"


def read(link: str) -> Asked | None:
    """What the link names, where it is whole and its workspace open."""
    said, _dot, signature = link.rpartition(".")
    parts = said.split(".")
    if len(parts) != 3 or not parts[0].isdecimal() or not parts[2].isdecimal():
        return None
    if not signing.signed(here(), PURPOSE, said, signature):
        return None
    workspace, quote_id = locate_number(database(), int(parts[0])), as_uuid(parts[1])
    return Asked(workspace, quote_id, int(parts[2])) if workspace and quote_id else None


def opened(session: Session, asked: Asked, *, locked: bool = False) -> Quote | None:
    """The quote that the link opens now, if it opens any: not a draft, not from the bin, and by no former link."""
    quote = session.get(Quote, asked.quote_id, with_for_update=locked, populate_existing=True)
    there = quote is not None and quote.deleted_at is None and quote.state != "draft" and quote.link == asked.round
    return quote if there else None
