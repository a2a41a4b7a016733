"""Every change of the fields that a business adds. What the records say in them stays as it is."""

import re
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from flask_babel import gettext as _
from pydantic import AfterValidator
from pydantic import Field as Described
from sqlalchemy import func, select, text

from core.actions import Changes, Input, action, changes_of
from core.actor import Actor
from core.errors import Busy, Invalid
from core.text import plain
from crm.fields.models import Field, FieldType, RecordKind

MOST = 100  # of one kind
KEY_LENGTH = 40
CHOOSING = ("choice", "choices")
RESERVED = {"true", "false", "null", "in"}  # words of CEL


def in_one_line(option: str) -> str:
    if "\n" in option or "\r" in option:
        raise ValueError(_("What is chosen is one line of text."))
    return option


Option = Annotated[str, Described(min_length=1, max_length=200), AfterValidator(in_one_line)]
Options = Annotated[list[Option], Described(max_length=200)]
Place = Annotated[int, Described(ge=0, le=10_000, description="From the top; behind the last, when left out.")]
KEPT = "Name for programs: small letters, digits and _; made of the label, when left out. It never changes."


class FieldFields(Input):
    label: Annotated[str, Described(min_length=1, max_length=60)]
    options: Annotated[Options, Described(description="What a choice offers, each once.")] = []
    hint: Annotated[str, Described(max_length=200, description="What people read beneath it in a form.")] = ""
    required: Annotated[bool, Described(description="Whether people must fill it in when they add a record.")] = False
    position: Place | None = None


class NewField(FieldFields):
    id: Annotated[UUID | None, Described(description="Your own (UUID), so that sending it twice makes one field.")] = (
        None
    )
    record_kind: RecordKind
    type: FieldType
    key: Annotated[str | None, Described(pattern=r"^[a-z][a-z0-9_]*$", max_length=KEY_LENGTH, description=KEPT)] = None


ChangedField = changes_of(FieldFields, "ChangedField")


class OneField(Input):
    id: UUID
    version: int | None = None


class MovedField(OneField):
    """One place up or down among the fields of its kind."""

    down: bool = False


@action("field.create")
def create(actor: Actor, data: NewField) -> Field:
    known = actor.repeated(Field, data.id)
    if known:
        return known
    hold(actor)
    there = list(actor.db.scalars(select(Field).where(Field.record_kind == data.record_kind)))
    if sum(field.deleted_at is None for field in there) >= MOST:
        raise Busy(_("There are %(most)s fields already. Remove one that nobody needs.", most=MOST))
    if data.key in RESERVED:
        raise Invalid(("key", _("This name means something else in expressions. Choose another.")))
    taken = {field.key for field in there} | RESERVED
    if data.key in taken:
        raise Invalid(("key", _("Another field has this name already, though it may be removed.")))
    field = Field(**data.model_dump(exclude_none=True))
    field.key = data.key or key_for(data.label, taken)
    field.options = checked_options(field, data.options)
    if data.position is None:
        field.position = max((other.position for other in there), default=-1) + 1
    check_required(field)
    check_label(actor, field)
    actor.db.add(field)
    return field


@action("field.edit", takes=ChangedField)
def change(actor: Actor, data: Changes) -> Field:
    """An option that is taken away stays with the records that have it, and is offered no more."""
    hold(actor)
    field = actor.take(Field, data.id, "edit", data.version)
    given = data.given()
    if "options" in given:
        given["options"] = checked_options(field, given["options"])
    for name, value in given.items():
        if value is not None and getattr(field, name) != value:
            setattr(field, name, value)
    check_required(field)
    check_label(actor, field)
    return field


@action("field.move", right=("field", "edit"))
def move(actor: Actor, data: MovedField) -> Field:
    hold(actor)
    field = actor.take(Field, data.id, "edit", data.version)
    query = actor.visible(Field).where(Field.record_kind == field.record_kind).order_by(Field.position, Field.id)
    there = list(actor.db.scalars(query))
    at = there.index(field)
    to = min(max(at + (1 if data.down else -1), 0), len(there) - 1)
    there.insert(to, there.pop(at))
    for position, one in enumerate(there):
        if one.position != position:
            one.position = position
    return field


@action("field.delete")
def delete(actor: Actor, data: OneField) -> Field:
    """Into the bin, from which `restore` brings it back with what the records say in it."""
    field = actor.take(Field, data.id, "delete", data.version)
    field.deleted_at = datetime.now(UTC)
    return field


@action("field.restore", right=("field", "delete"))
def restore(actor: Actor, data: OneField) -> Field:
    hold(actor)
    field = actor.take(Field, data.id, "delete", deleted=True)
    field.deleted_at = None
    check_label(actor, field)
    return field


def hold(actor: Actor) -> None:
    """Until the end of the transaction the workspace's fields change by this one alone."""
    actor.db.execute(text("select pg_advisory_xact_lock(hashtext(current_schema() || 'field'))"))


def key_for(label: str, taken: set[str]) -> str:
    """ "Počet oken" becomes pocet_oken, a second one pocet_oken_2."""
    words = re.sub(r"[^a-z0-9]+", "_", plain(label)).strip("_")
    key = (words if words[:1].isalpha() else f"field_{words}")[: KEY_LENGTH - 4].strip("_")
    return next(one for one in (key, *(f"{key}_{n}" for n in range(2, len(taken) + 3))) if one not in taken)


def checked_options(field: Field, options: list[str]) -> list[str]:
    """Each option once. Raises Invalid."""
    if field.type not in CHOOSING:
        return []
    if not options:
        raise Invalid(("options", _("Write what there is to choose from.")))
    return list(dict.fromkeys(options))


def check_required(field: Field) -> None:
    """No is an answer, too. Raises Invalid."""
    if field.required and field.type == "yes":
        raise Invalid(("required", _("Yes or no cannot be required: what is not ticked means no.")))


def check_label(actor: Actor, field: Field) -> None:
    """No two fields in use of a kind are called the same. Raises Invalid."""
    with actor.db.no_autoflush:
        same = actor.visible(Field, Field.id).where(
            Field.record_kind == field.record_kind, func.lower(Field.label) == field.label.lower(), Field.id != field.id
        )
        taken = actor.db.scalar(same.limit(1))
    if taken is not None:
        raise Invalid(("label", _("There is a field of this name already.")))
