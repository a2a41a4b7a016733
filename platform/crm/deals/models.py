"""A deal is a possible sale; a pipeline its path; a stage a step on it."""

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Connection,
    ForeignKey,
    Index,
    LargeBinary,
    Numeric,
    Text,
    event,
    inspect,
    text,
    update,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Mapper, declared_attr, mapped_column, relationship

from core.people import own_index
from core.records import KINDS, Owned, Record
from core.text import searchable, sort_key


class Pipeline(Record):
    """An open deal in it goes stale after `stale_days` without anything happening; None: never. `lost_reasons` are
    offered when one is lost, in place of the usual ones. Where its clients are `returning`, as those of a salon, their
    cards say how often they come and what they spend."""

    __tablename__ = "pipeline"
    __table_args__ = (CheckConstraint("stale_days between 2 and 365", name="stale_days"),)
    kind: ClassVar[str] = "pipeline"
    owner_column: ClassVar[str | None] = None

    name: Mapped[str]
    position: Mapped[int] = mapped_column(server_default="0", default=0)
    stale_days: Mapped[int | None] = mapped_column(server_default="14", default=14)
    lost_reasons: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"), default=list)
    returning: Mapped[bool] = mapped_column(server_default=text("false"), default=False)

    stages: Mapped[list["Stage"]] = relationship(
        order_by="Stage.position",
        back_populates="pipeline",
        lazy="selectin",
        passive_deletes=True,
        primaryjoin="and_(Stage.pipeline_id == Pipeline.id, Stage.deleted_at.is_(None))",
    )

    def title(self) -> str:
        return self.name


class Stage(Record):
    """`probability` in percent is what a deal in this stage is worth in the forecast, unless the deal says its own."""

    __tablename__ = "stage"
    __table_args__ = (CheckConstraint("probability between 0 and 100", name="probability"),)
    kind: ClassVar[str] = "stage"
    owner_column: ClassVar[str | None] = None

    pipeline_id: Mapped[UUID] = mapped_column(ForeignKey("pipeline.id", ondelete="cascade"), index=True)
    name: Mapped[str]
    position: Mapped[int]
    probability: Mapped[int]

    pipeline: Mapped[Pipeline] = relationship(back_populates="stages")

    def title(self) -> str:
        return self.name


class Deal(Owned, Record):
    """`status` is open, won or lost. `items` are what it is made of (crm.deals.items); where there are any, `amount` is
    what they come to without VAT. `rank` orders the cards of a lane; one dropped between two takes their middle.
    `furthest_id` is the stage farthest on that it ever was in, in its present pipeline; None for the one it is in.
    `source` is where it came from; where it is empty, where its contact came from holds (queries.of_source)."""

    __tablename__ = "deal"
    __table_args__ = (
        CheckConstraint("status in ('open', 'won', 'lost')", name="status"),
        CheckConstraint("amount >= 0", name="amount"),
        Index(
            "ix_deal_board",
            "pipeline_id",
            "stage_id",
            "rank",
            "id",
            postgresql_where=text("deleted_at is null and status = 'open'"),
            postgresql_include=["amount", "currency", "probability", "owner_id", "expected_close"],
        ),
        Index(
            "ix_deal_created",
            "pipeline_id",
            "created_at",
            postgresql_where=text("deleted_at is null"),
            postgresql_include=["furthest_id", "stage_id", "status", "owner_id", "contact_id", "source"],
        ),
        Index(
            "ix_deal_closed",
            "pipeline_id",
            "status",
            "closed_at",
            postgresql_where=text("deleted_at is null and closed_at is not null"),
            postgresql_include=["owner_id", "amount", "currency", "lost_reason"],
        ),
        own_index("deal"),
        Index("ix_deal_owner", "owner_id", "id", postgresql_where=text("deleted_at is null")),
        Index("ix_deal_contact", "contact_id", postgresql_where=text("contact_id is not null")),
        Index("ix_deal_company", "company_id", postgresql_where=text("company_id is not null")),
        Index("ix_deal_search", "search", postgresql_using="gin", postgresql_ops={"search": "ext.gin_trgm_ops"}),
    )
    kind: ClassVar[str] = "deal"
    derived: ClassVar[frozenset[str]] = frozenset({"search", "sort_key", "rank", "stage_since", "furthest_id"})
    news: ClassVar[frozenset[str]] = frozenset({"owner_id", "closed_at"})

    name: Mapped[str]
    pipeline_id: Mapped[UUID] = mapped_column(ForeignKey("pipeline.id"))
    stage_id: Mapped[UUID] = mapped_column(ForeignKey("stage.id"))
    stage_since: Mapped[datetime] = mapped_column(server_default=text("now()"))
    furthest_id: Mapped[UUID | None] = mapped_column(ForeignKey("stage.id"))
    rank: Mapped[float]
    status: Mapped[str] = mapped_column(server_default="open", default="open")
    amount: Mapped[Decimal | None] = mapped_column(Numeric(14, 2))
    items: Mapped[list[dict[str, Any]]] = mapped_column(server_default=text("'[]'"), default=list)
    currency: Mapped[str]
    probability: Mapped[int | None]
    expected_close: Mapped[date | None]
    closed_at: Mapped[datetime | None]
    lost_reason: Mapped[str] = mapped_column(server_default="", default="")
    about: Mapped[str] = mapped_column(server_default="", default="")
    source: Mapped[str] = mapped_column(server_default="", default="")
    contact_id: Mapped[UUID | None] = mapped_column(ForeignKey("contact.id", ondelete="set null"))
    company_id: Mapped[UUID | None] = mapped_column(ForeignKey("company.id", ondelete="set null"))
    custom: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)
    search: Mapped[str] = mapped_column(server_default="", default="")
    sort_key: Mapped[bytes] = mapped_column(LargeBinary, server_default=text("''::bytea"), default=b"")

    stage: Mapped[Stage] = relationship(foreign_keys="Deal.stage_id")
    furthest: Mapped[Stage | None] = relationship(foreign_keys="Deal.furthest_id")

    def title(self) -> str:
        return self.name

    def come_to(self, stage: Stage) -> None:
        """Into the stage, now. What it had reached in another pipeline counts no more."""
        before = self.furthest or self.stage
        farther = before.pipeline_id != stage.pipeline_id or before.position <= stage.position
        self.furthest = stage if farther else before
        self.stage, self.stage_id, self.pipeline_id = stage, stage.id, stage.pipeline_id
        self.furthest_id, self.stage_since = self.furthest.id, datetime.now(UTC)

    def wakes(self, changed: Collection[str]) -> datetime | None:
        """An open deal is looked at each day, whether it is going stale."""
        return datetime.now(UTC) + timedelta(days=1) if "status" in changed and self.status == "open" else None

    def index(self, language: str) -> None:
        """Bring the derived columns in line with the rest."""
        self.search = searchable(self.name)[:2000]
        self.sort_key = sort_key(self.name, language)


class OfDeal(Owned):
    """Mixin of records that belong to whoever has their deal."""

    @declared_attr
    def deal_id(cls) -> Mapped[UUID]:
        return mapped_column(ForeignKey("deal.id", ondelete="cascade"))


@event.listens_for(Deal, "after_update")
def take_along(_mapper: Mapper[Deal], connection: Connection, deal: Deal) -> None:
    """What is of a deal goes with it to whoever has it now."""
    if not inspect(deal).attrs.owner_id.history.has_changes():
        return
    for model in KINDS.values():
        if issubclass(model, OfDeal):
            connection.execute(update(model).where(model.deal_id == deal.id).values(owner_id=deal.owner_id))
