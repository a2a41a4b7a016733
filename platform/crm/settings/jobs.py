"""Work that follows a change of the settings."""

from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from core.jobs import Place, job
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Deal
from crm.products.models import Product

SORT_AGAIN = "settings.sort_again"
SORTED = (Contact, Company, Deal, Product)
CHUNK = 1000
NOBODY = UUID(int=0)


@job(SORT_AGAIN, queue="bulk")
def sort_again(place: Place, language: str) -> None:
    """Put every name into the alphabet of the workspace's new language. Nothing else of the records changes."""
    for model in SORTED:
        last: UUID | None = NOBODY
        while last is not None:
            with place.database.workspace(place.here()) as session, session.begin():
                last = sort_chunk(session, model, language, last)


def sort_chunk(session: Session, model: Any, language: str, after: UUID) -> UUID | None:
    """One chunk, by id; returns the last id of it, or None where nothing was left. Versions stay as they are."""
    records = session.scalars(select(model).where(model.id > after).order_by(model.id).limit(CHUNK).with_for_update())
    keys: list[dict[str, Any]] = []
    with session.no_autoflush:
        for record in records:
            record.index(language)
            keys.append({"id": record.id, "key": record.sort_key})
        session.expunge_all()
    if not keys:
        return None
    session.execute(text(f"update {model.__tablename__} set sort_key = :key where id = :id"), keys)  # noqa: S608 (ours)
    return UUID(str(keys[-1]["id"]))
