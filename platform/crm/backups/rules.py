"""What features ask of their own columns when rows come in out of a backup, and what they do after (tenants.backups).

What pages rely on is checked: links lead to web pages, ways to reach somebody have their parts. Timed work that was
under way is asked for anew or stands still until somebody goes on with it.
"""

import re
from collections.abc import Collection
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

from core.db import Workspace
from core.errors import Refusal
from core.limits import ask_to_save
from core.people import StoredPhone
from core.waiting import SAVERS
from crm.deals.items import Item
from crm.documents.actions import known_colour
from crm.notifications.choices import Said
from crm.quotes.jobs import expire_anew
from tenants.backups.after import HOOKS
from tenants.backups.cleaning import cleaned


class StoredEmail(BaseModel):
    model_config = ConfigDict(strict=True)

    kind: str
    address: str


class StoredAddress(BaseModel):
    model_config = ConfigDict(strict=True)

    kind: str
    street: str
    city: str
    zip: str
    country: str


def rows_of(model: type[BaseModel]) -> Any:
    adapter = TypeAdapter(list[model])  # type: ignore[valid-type]

    def rule(value: Any) -> Any:
        try:
            return adapter.dump_python(adapter.validate_python(value))
        except ValidationError:
            raise ValueError("a part is missing or of another type") from None

    return rule


class StoredClient(BaseModel):
    """Whom a quote is for."""

    model_config = ConfigDict(strict=True)

    name: str
    person: str
    address: str
    reg_no: str
    vat_no: str
    email: str


def client(value: Any) -> Any:
    return StoredClient.model_validate(value).model_dump()


class StoredData(BaseModel):
    """What a line of a notification keeps besides its names."""

    model_config = ConfigDict(strict=True)

    n: Annotated[int, Field(ge=0, lt=1 << 31)] | None = None
    note: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")] | None = None


def line_data(value: Any) -> Any:
    """What cannot be read leaves a line that says less."""
    try:
        return StoredData.model_validate(value).model_dump(exclude_none=True)
    except ValidationError:
        return {}


def choices(value: Any) -> Any:
    """Wishes that cannot be read are no wishes."""
    try:
        quiet = dict(zip(("quiet_from", "quiet_to"), value.get("quiet") or (), strict=False))
        Said(kinds=value.get("kinds") or {}, digest=value.get("digest") or "", **quiet).stored()
    except (ValidationError, TypeError, Refusal):
        return {}
    return value


def web_address(value: str) -> str:
    """A link that leads elsewhere than to a web page is left out."""
    return value if re.match(r"https?://[^\s<>\"']*$", value) else ""


for table in ("contact", "company"):
    cleaned(table, "emails", rows_of(StoredEmail))
    cleaned(table, "phones", rows_of(StoredPhone))
    cleaned(table, "addresses", rows_of(StoredAddress))
cleaned("company", "website", web_address)
for table in ("deal", "quote"):
    cleaned(table, "items", rows_of(Item))
cleaned("quote", "client", client)
cleaned("letterhead", "colour", known_colour)
cleaned("notification", "data", line_data)
cleaned("notify_choice", "said", choices)


def stop_imports(session: Session, _workspace: Workspace, _pasts: Collection[int]) -> None:
    """Nobody goes on with an import whose job stayed behind: whoever began it may. What could no longer be told from
    what is stored is not undone either."""
    session.execute(text("update import set state = 'stopped' where state in ('waiting', 'running')"))
    session.execute(text("update import set state = 'done' where state = 'undoing'"))


def save_waiting(session: Session, _workspace: Workspace, _pasts: Collection[int]) -> None:
    """What waits for room is tried anew, if it is something that can wait."""
    unknown = text("delete from waiting where action not in :known").bindparams(bindparam("known", expanding=True))
    session.execute(unknown, {"known": sorted(SAVERS)})
    ask_to_save(session)


HOOKS += [stop_imports, save_waiting, expire_anew]
