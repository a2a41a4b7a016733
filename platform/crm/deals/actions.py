"""Every change of a deal."""

from collections.abc import Set
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from flask_babel import gettext as _
from pydantic import AfterValidator, Field
from sqlalchemy import select

from core.actions import Changes, Input, action, changes_of
from core.actor import Actor
from core.errors import Busy, Invalid
from core.events import announce
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals import lane
from crm.deals.models import Deal, Pipeline, Stage
from crm.deals.money import CURRENCIES
from crm.fields.values import Custom, settle
from crm.tasks.models import Task
from crm.timeline.models import Note
from tenants.models import Member


def known_currency(code: str) -> str:
    if code.upper() not in CURRENCIES:
        raise ValueError(_("There is no such currency. Write its code, such as CZK or EUR."))
    return code.upper()


Currency = Annotated[str, AfterValidator(known_currency), Field(json_schema_extra={"enum": sorted(CURRENCIES)})]
Amount = Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=2)]
Percent = Annotated[int, Field(ge=0, le=100)]


class DealFields(Input):
    id: Annotated[UUID | None, Field(description="Your own (UUID), so that sending it twice makes one deal.")] = None
    name: Annotated[str, Field(min_length=1, max_length=200)]
    amount: Amount | None = None
    currency: Annotated[Currency | None, Field(description="ISO 4217; the workspace's, when left out.")] = None
    expected_close: date | None = None
    probability: Annotated[Percent | None, Field(description="Percent; that of the stage, when left out.")] = None
    owner_id: Annotated[UUID | None, Field(description="A member; the one who creates it, when left out.")] = None
    contact_id: UUID | None = None
    company_id: UUID | None = None
    about: Annotated[str, Field(max_length=10_000)] = ""
    source: Annotated[str, Field(max_length=200, description="Where it came from; else where its contact did.")] = ""
    custom: Custom = {}


class NewDeal(DealFields):
    pipeline_id: Annotated[UUID | None, Field(description="The first pipeline, when left out.")] = None
    stage_id: Annotated[UUID | None, Field(description="The pipeline's first stage, when left out.")] = None


ChangedDeal = changes_of(DealFields, "ChangedDeal")


class OneDeal(Input):
    id: UUID
    version: int | None = None


class MovedDeal(OneDeal):
    """To the stage, directly below the card `after`, else directly above `before`, else where it was in that stage or
    at its top."""

    stage_id: UUID
    before: UUID | None = None
    after: UUID | None = None


class LostDeal(OneDeal):
    reason: Annotated[str, Field(min_length=1, max_length=200)]
    about: Annotated[str, Field(max_length=10_000, description="What happened, for the timeline.")] = ""


class AssignedDeal(OneDeal):
    owner_id: UUID


@action("deal.create")
def create(actor: Actor, data: NewDeal) -> Deal:
    known = actor.repeated(Deal, data.id)
    if known:
        return known
    stage = stage_locked(actor, first_stage(actor, data))
    given = data.model_dump(exclude_none=True, exclude={"pipeline_id"})
    settle(actor, "deal", given)
    deal = Deal(**given)
    deal.pipeline_id, deal.stage_id, deal.rank = stage.pipeline_id, stage.id, lane.top(actor, stage)
    deal.currency = deal.currency or actor.workspace.currency
    deal.owner_id = deal.owner_id or actor.member.id
    check_links(actor, deal, data.model_fields_set)
    deal.index(actor.workspace.language)
    actor.db.add(deal)
    return deal


@action("deal.edit", takes=ChangedDeal)
def change(actor: Actor, data: Changes) -> Deal:
    deal = actor.take(Deal, data.id, "edit", data.version)
    given = data.given()
    if "currency" in given:
        given["currency"] = given["currency"] or actor.workspace.currency
    settle(actor, "deal", given, deal.custom)
    changed = {name: value for name, value in given.items() if getattr(deal, name) != value}
    if deal.items:
        check_items(changed.keys())
    for name, value in changed.items():
        setattr(deal, name, value)
    check_links(actor, deal, changed.keys())
    deal.index(actor.workspace.language)
    return deal


def check_items(changed: Set[str]) -> None:
    """What a deal's items say is not said otherwise by hand. Raises Invalid."""
    if "amount" in changed:
        raise Invalid(("amount", _("The amount is what the items come to. Change those.")))
    if "currency" in changed:
        raise Invalid(("currency", _("The items have their prices in the present currency. Take them away first.")))


@action("deal.move", right=("deal", "edit"))
def move(actor: Actor, data: MovedDeal) -> Deal:
    stage = stage_locked(actor, data.stage_id)
    deal = actor.take(Deal, data.id, "edit", data.version)
    if deal.status != "open":
        raise Busy(_("%(name)s is closed. Open it again before you move it.", name=deal.name))
    if deal.stage_id != stage.id:
        deal.rank = lane.between(actor, stage, deal.id, data.before, data.after)
        deal.come_to(stage)
    elif data.before or data.after:
        lane.put(actor, deal, lane.between(actor, stage, deal.id, data.before, data.after))
        announce(actor, "deal.move", [], ["deal"])
    return deal


@action("deal.win", right=("deal", "edit"))
def win(actor: Actor, data: OneDeal) -> Deal:
    """Won, in the stage it is in. Its open tasks stay: winning is where the work begins."""
    deal = actor.take(Deal, data.id, "edit", data.version)
    if deal.status == "lost":
        raise Busy(_("%(name)s is lost. Open it again before you win it.", name=deal.name))
    if deal.status == "open":
        deal.status, deal.closed_at = "won", datetime.now(UTC)
    return deal


@action("deal.lose", right=("deal", "edit"))
def lose(actor: Actor, data: LostDeal) -> Deal:
    """Lost for a reason. Its open tasks are done with; what happened becomes a note."""
    deal = actor.take(Deal, data.id, "edit", data.version)
    if deal.status == "won":
        raise Busy(_("%(name)s is won. Open it again before you lose it.", name=deal.name))
    if deal.status == "lost":
        return deal
    now = datetime.now(UTC)
    deal.status, deal.closed_at, deal.lost_reason = "lost", now, data.reason
    for task in tasks_of(actor, deal):
        if task.done_at is None:
            task.done_at, task.done_by_id = now, actor.member.id
    if data.about:
        actor.require(("note", "create"))
        actor.db.add(Note(deal_id=deal.id, form="note", text=data.about, at=now, author_id=actor.member.id))
    return deal


@action("deal.reopen", right=("deal", "edit"))
def reopen(actor: Actor, data: OneDeal) -> Deal:
    """Open again, in its old place, with the tasks that were closed together with it."""
    deal = actor.take(Deal, data.id, "edit", data.version)
    if deal.status == "lost":
        for task in tasks_of(actor, deal):
            if task.done_at == deal.closed_at:
                task.done_at = task.done_by_id = None
    deal.status, deal.closed_at, deal.lost_reason = "open", None, ""
    return deal


@action("deal.assign")
def assign(actor: Actor, data: AssignedDeal) -> Deal:
    deal = actor.take(Deal, data.id, "assign", data.version)
    deal.owner_id = data.owner_id
    check_links(actor, deal, {"owner_id"})
    return deal


@action("deal.delete")
def delete(actor: Actor, data: OneDeal) -> Deal:
    """Into the bin, from which `restore` brings it back with all its links."""
    deal = actor.take(Deal, data.id, "delete", data.version)
    deal.deleted_at = datetime.now(UTC)
    return deal


@action("deal.restore", right=("deal", "delete"))
def restore(actor: Actor, data: OneDeal) -> Deal:
    """Out of the bin: into its stage, or where that has been removed meanwhile, to the start of a pipeline."""
    deal = actor.take(Deal, data.id, "delete", deleted=True)
    deal.deleted_at = None
    if actor.db.scalar(stages_in_use(actor).where(Stage.id == deal.stage_id)) is None:
        own = actor.db.scalar(stages_in_use(actor).where(Pipeline.id == deal.pipeline_id).limit(1))
        stage = stage_locked(actor, own.id if own else first_stage(actor, None))
        deal.rank = lane.top(actor, stage)
        deal.come_to(stage)
    return deal


def stages_in_use(actor: Actor) -> Any:
    """SELECT of the stages in use, pipeline by pipeline, in their order."""
    return (
        actor.visible(Pipeline, Stage)
        .select_from(Pipeline)
        .join(Stage, Stage.pipeline_id == Pipeline.id)
        .where(Stage.deleted_at.is_(None))
        .order_by(Pipeline.position, Pipeline.id, Stage.position)
    )


def first_stage(actor: Actor, data: NewDeal | None) -> UUID:
    """The stage a new deal starts in. Raises Invalid."""
    query = stages_in_use(actor)
    if data and data.pipeline_id:
        query = query.where(Pipeline.id == data.pipeline_id)
    if data and data.stage_id:
        query = query.where(Stage.id == data.stage_id)
    stage = actor.db.scalar(query.limit(1))
    if stage is None:
        name = "stage_id" if data and data.stage_id else "pipeline_id"
        raise Invalid((name, _("There is no such stage in a pipeline you may see.")))
    found: UUID = stage.id
    return found


def stage_locked(actor: Actor, stage_id: UUID) -> Stage:
    """A stage in use, held until the end of the transaction, so that ranks in its lane are given out one by one and it
    is not removed meanwhile. Taken before any deal is, always, or two could wait for each other. Raises Invalid."""
    query = stages_in_use(actor).where(Stage.id == stage_id).with_for_update(of=Stage, key_share=True)
    stage: Stage | None = actor.db.scalar(query.execution_options(populate_existing=True))
    if stage is None:
        raise Invalid(("stage_id", _("This stage is gone. Reload the page and choose another.")))
    return stage


def tasks_of(actor: Actor, deal: Deal) -> list[Task]:
    """All tasks of a deal, whoever's they are: they follow their deal."""
    query = select(Task).where(Task.deal_id == deal.id, Task.deleted_at.is_(None)).order_by(Task.id)
    return list(actor.db.scalars(query.with_for_update()))


def check_links(actor: Actor, deal: Deal, given: Set[str]) -> None:
    """Records newly named must be there and visible; giving a deal to another needs the right to assign."""
    if "contact_id" in given:
        actor.linked(Contact, deal.contact_id, "contact_id")
    if "company_id" in given:
        actor.linked(Company, deal.company_id, "company_id")
    if "owner_id" in given and deal.owner_id != actor.member.id:
        actor.require(("deal", "assign"), deal)
        actor.linked(Member, deal.owner_id, "owner_id", Member.state == "active")
