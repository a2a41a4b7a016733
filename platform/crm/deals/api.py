"""Deals and pipelines in the API."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import JSON, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from core.api import Resource
from core.listing import Listing, Sort
from crm.deals import actions, pipelines, pricing
from crm.deals.items import Item
from crm.deals.models import Deal, Pipeline, Stage
from crm.deals.queries import LISTING


class DealOut(BaseModel):
    id: UUID
    version: int
    name: str
    pipeline_id: UUID
    stage_id: UUID
    status: Literal["open", "won", "lost"]
    amount: Decimal | None
    items: list[Item]
    currency: str
    probability: int | None
    expected_close: date | None
    closed_at: datetime | None
    lost_reason: str
    about: str
    source: str
    contact_id: UUID | None
    company_id: UUID | None
    owner_id: UUID | None
    custom: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class StageOut(BaseModel):
    id: UUID
    name: str
    probability: int


class PipelineOut(BaseModel):
    """`stages` in the order in which deals pass through them."""

    id: UUID
    version: int
    name: str
    position: int
    stale_days: int | None
    lost_reasons: list[str]
    returning: bool
    stages: list[StageOut]
    created_at: datetime
    updated_at: datetime


DEALS = Resource(
    path="deals",
    model=Deal,
    out=DealOut,
    listing=LISTING,
    create=actions.create,
    update=actions.change,
    delete=actions.delete,
    verbs={
        "move": actions.move,
        "price": pricing.price,
        "win": actions.win,
        "lose": actions.lose,
        "reopen": actions.reopen,
        "assign": actions.assign,
        "restore": actions.restore,
    },
    example={"name": "Wooden windows, 14 pcs", "amount": "389500.00", "currency": "CZK"},
)

STAGES = (
    select(
        func.json_agg(
            aggregate_order_by(
                func.json_build_object("id", Stage.id, "name", Stage.name, "probability", Stage.probability),
                Stage.position,
            ),
            type_=JSON,
        )
    )
    .where(Stage.pipeline_id == Pipeline.id, Stage.deleted_at.is_(None))
    .correlate(Pipeline)
    .scalar_subquery()
)

PIPELINES = Resource(
    path="pipelines",
    model=Pipeline,
    out=PipelineOut,
    listing=Listing(
        model=Pipeline,
        sorts={"position": Sort(Pipeline.position, int), "created": Sort(Pipeline.id, UUID)},
        default_sort="position",
        searched=False,
    ),
    create=pipelines.create,
    update=pipelines.change,
    delete=pipelines.delete,
    verbs={"restore": pipelines.restore},
    columns={"stages": STAGES},
    example={"name": "Service", "stages": [{"name": "New", "probability": 10}, {"name": "Planned", "probability": 80}]},
)
