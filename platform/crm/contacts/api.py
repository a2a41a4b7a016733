"""Contacts in the API."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from core.api import Resource
from core.people import Address, Email, StoredPhone
from crm.contacts import actions
from crm.contacts.models import Contact
from crm.contacts.queries import LISTING


class ContactOut(BaseModel):
    id: UUID
    version: int
    name: str
    prefix: str
    first_name: str
    last_name: str
    suffix: str
    position: str
    about: str
    source: str
    company_id: UUID | None
    owner_id: UUID | None
    emails: list[Email]
    phones: list[StoredPhone]
    addresses: list[Address]
    city: str
    labels: list[str]
    custom: dict[str, Any]
    last_contact_at: datetime | None
    created_at: datetime
    updated_at: datetime


RESOURCE = Resource(
    path="contacts",
    model=Contact,
    out=ContactOut,
    listing=LISTING,
    create=actions.create,
    update=actions.change,
    delete=actions.delete,
    verbs={"restore": actions.restore},
    example={"first_name": "Jan", "last_name": "Novák", "emails": [{"address": "jan.novak@example.com"}]},
)
