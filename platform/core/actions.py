"""Every change of data is an action: a declared function with a name, a typed input and the right it needs.

    @action("deal.move")
    def move(actor: Actor, data: Move) -> Deal: ...

Calling it checks the right, opens one transaction (or joins the caller's), runs the function, and stores an event for
each record it changed. Pages, the API, the import, processes and jobs all call actions, so that nothing can be done by
one door that is forbidden at another. The kind before the dot and the verb the right is asked by (`right=`, when it is
not the action's own name) must be declared in core.access.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache, update_wrapper
from types import UnionType
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import orjson
from flask_babel import gettext as _
from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, create_model, field_validator
from pydantic_core import PydanticKnownError

from core import events
from core.access import VERBS, Right
from core.actor import Actor
from core.errors import Invalid

Out = TypeVar("Out")
In = TypeVar("In", bound=BaseModel)


class Input(BaseModel):
    """Base of every action's input: unknown fields are refused, texts come trimmed and without control characters."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def storable(cls, value: Any, info: ValidationInfo) -> Any:
        """A zero byte cannot be stored by PostgreSQL, so it is refused here, beside its field."""
        if info.mode == "json":
            check_json(cls.model_fields[info.field_name or ""].annotation, value)
        texts = value if isinstance(value, list) else [value]
        if any("\0" in text for text in texts if isinstance(text, str)):
            raise ValueError(_("Leave out the zero bytes."))
        return value


# What Pydantic would take for one of these out of JSON, though the API's document does not admit it.
JSON_TYPES: dict[Any, tuple[tuple[type, ...], Any]] = {
    bool: ((bool,), "bool_type"),
    int: ((int, float), "int_type"),
    Decimal: ((int, float, str), "decimal_type"),
    date: ((str,), "date_type"),
    datetime: ((str,), "datetime_type"),
}


def check_json(annotation: Any, value: Any) -> None:
    """Refuse what is of another type than the field: "10" or true for a number, a number for a day."""
    for kind in alternatives(annotation) & JSON_TYPES.keys():
        types, error = JSON_TYPES[kind]
        if value is not None and type(value) not in types:
            raise PydanticKnownError(error)


@cache
def alternatives(annotation: Any) -> frozenset[Any]:
    """What a field may be: `Annotated[int, ...] | None` may be int or None."""
    if get_origin(annotation) in (Annotated, Union, UnionType):
        return frozenset().union(*map(alternatives, get_args(annotation)))
    return frozenset({annotation} if isinstance(annotation, type) else ())


class Changes(Input):
    """The input of a change: which record, the version it was read at, and whatever else `changes_of` added."""

    id: UUID
    version: int | None = None

    def given(self) -> dict[str, Any]:
        """The fields that were sent; all others stay as they are."""
        return self.model_dump(exclude_unset=True, exclude={"id", "version"})


def changes_of(fields: type[Input], name: str) -> type[Changes]:
    """The fields of a new record as the input of a change: none of them required."""
    partial: dict[str, Any] = {
        key: (Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation, None)
        for key, info in fields.model_fields.items()
        if key != "id"
    }
    return create_model(name, __base__=Changes, **partial)


@dataclass(eq=False)
class Action(Generic[In, Out]):
    name: str
    right: Right
    input: type[In]
    run: Callable[[Actor, In], Out]

    def __call__(self, actor: Actor, data: In) -> Out:
        actor.require(self.right)
        data = self.unlocked(actor, data)
        with actor.transaction():
            if events.watching(actor.db):
                return self.run(actor, data)
            with events.watched(actor, self.name):
                return self.run(actor, data)

    def unlocked(self, actor: Actor, data: In) -> In:
        """The input without the fields that the actor may not change. A form has them with nothing in them, so there
        they are left out; elsewhere whoever sends one is told. Raises Invalid."""
        locked = actor.locked(self.right[0]) & data.model_fields_set
        if not locked or self.name.partition(".")[2] not in ("create", "edit"):
            return data
        if actor.via != "page":
            raise Invalid(*((name, _("You may not change this field.")) for name in sorted(locked)))
        kept = {name: getattr(data, name) for name in data.model_fields_set - locked}
        return self.input.model_construct(_fields_set=set(kept), **kept)

    def parse(self, values: Any) -> In:
        """The input from raw values of a form, a file or a process: "10" is a number. Raises Invalid with a list of
        fields."""
        try:
            return self.input.model_validate(values)
        except ValidationError as error:
            raise Invalid.of(error) from None

    def parse_json(self, values: Mapping[str, Any]) -> In:
        """The input from JSON, which has types of its own: neither "10" nor true is a number. Raises Invalid."""
        try:
            return self.input.model_validate_json(orjson.dumps(values))
        except ValidationError as error:
            raise Invalid.of(error) from None


ACTIONS: dict[str, Action[Any, Any]] = {}


def action(
    name: str, *, right: Right | None = None, takes: type[Any] | None = None
) -> Callable[[Callable[[Actor, In], Out]], Action[In, Out]]:
    """Declare an action. Its input type is `takes`, or read from the function's own annotation of `data`."""
    kind, verb = right or tuple(name.split("."))
    if verb not in VERBS.get(kind, ()):
        raise LookupError(f"action {name} needs a right that core.access does not declare: {kind}.{verb}")

    def declare(run: Callable[[Actor, In], Out]) -> Action[In, Out]:
        declared = Action(name, (kind, verb), takes or get_type_hints(run)["data"], run)
        update_wrapper(declared, run)
        if name in ACTIONS:
            raise LookupError(f"two actions are called {name}")
        ACTIONS[name] = declared
        return declared

    return declare
