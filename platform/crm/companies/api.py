"""Companies in the API."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from core.api import Resource
from core.people import Address, Email, StoredPhone
from crm.companies import actions
from crm.companies.models import Company
from crm.companies.queries import LISTING


class CompanyOut(BaseModel):
    id: UUID
    version: int
    name: str
    reg_no: str
    vat_no: str
    website: str
    about: str
    owner_id: UUID | None
    emails: list[Email]
    phones: list[StoredPhone]
    addresses: list[Address]
    city: str
    labels: list[str]
    custom: dict[str, Any]
    created_at: datetime
    updated_at: datetime


RESOURCE = Resource(
    path="companies",
    model=Company,
    out=CompanyOut,
    listing=LISTING,
    create=actions.create,
    update=actions.change,
    delete=actions.delete,
    verbs={"restore": actions.restore},
    example={"name": "Penzion U Tří lip", "reg_no": "27082440", "emails": [{"address": "info@example.com"}]},
)
