"""Which actions a process may take, and what each is given: every argument with its words, and from what it is chosen.

An argument is stored as CEL. The designer (assets/src/bpmn/arguments.ts) writes it by fields, of the types that are
told here from the action's Pydantic input; and what is wrong with it is said beside the field while one draws.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

from flask_babel import gettext as _
from pydantic import AwareDatetime, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from core.actions import ACTIONS, alternatives
from core.errors import Invalid, Refusal
from crm.deals.form import USUAL_CURRENCIES
from crm.processes.choices import Lists
from crm.processes.expressions import Wrong, evaluate, parsed
from crm.processes.words import ARGUMENTS, DOES, OPTIONS, Choices

# Actions that a process may not take, whatever rights its publisher has: they decide who may do what here, and nobody
# looks for them in a drawing.
NEVER = (
    "role", "member", "invitation", "token", "scim_token", "connection", "domain", "link", "backup", "billing",
    "privacy", "export", "import", "settings", "share",
    "document_template",
)  # fmt: skip

LONG = 500  # characters; a text that may be longer is written in several lines
# From which list an argument is chosen, by its name or, where that says too little, with its action.
LISTS = {
    "owner_id": "members", "assignee_id": "members", "tell_id": "members", "head_id": "members",
    "member_id": "members", "stage_id": "stages", "pipeline_id": "pipelines", "template_id": "mails",
    "process_id": "processes", "form_id": "forms", "mail.send_template.template": "mail_names",
    "document.create.template": "documents", "report.job.role": "roles", "report.job.head": "departments",
    "report.job.member": "members",
}  # fmt: skip
# The records of a run that an argument may be, by its name; `id` is that of the action's own kind.
KINDS = {"deal_id": "deal", "contact_id": "contact", "company_id": "company", "quote_id": "quote", "record_id": "any"}
# A single text inside of what the action takes.
WRAPPED = {
    "emails": ('[{"address": ', "}]"),
    "phones": ('[{"number": ', "}]"),
    "labels": ("[", "]"),
}
# What nobody needs to set in a process, though a file may.
TECHNICAL = {
    "version", "before", "after", "time_zone", "key", "answers_id", "addresses", "mail.send_template.template",
}  # fmt: skip
# Shown from the beginning, beside what is required.
SHOWN = {
    "deal.create": ("contact_id", "owner_id", "stage_id"),
    "deal.edit": ("amount",),
    "task.create": ("assignee_id", "due_on", "deal_id"),
    "note.create": ("text", "deal_id"),
    "mail.send": ("deal_id",),
    "mail.send_template": ("template_id", "deal_id"),
    "quote.create": ("valid_until",),
    "quote.send": ("to", "message"),
    "contact.create": ("first_name", "last_name", "emails", "phones"),
    "process.start": ("record_id",),
    "report.job": ("head",),
}


@dataclass(frozen=True)
class Argument:
    """`type` is text, long, number, whole, yesno, date, moment, choice, record, items, or other, which only an
    expression can say. `choices` names a list of crm.processes.choices, `kind` the records of a run that it may be;
    `nullable` means that it may be nothing; `wrapped` is what stands around a text, `first` whether it is shown from
    the beginning."""

    name: str
    label: str
    type: str
    required: bool
    hint: str
    nullable: bool
    first: bool = False
    offered: bool = True
    choices: str = ""
    kind: str = ""
    options: Choices | None = None
    wrapped: tuple[str, str] | None = None


def allowed(name: str) -> bool:
    return name in ACTIONS and name.partition(".")[0] not in NEVER


def doing() -> list[dict[str, Any]]:
    """The actions that a process may take, those with words of their own first; each with its arguments."""
    names = [*DOES, *sorted(name for name in ACTIONS if allowed(name) and name not in DOES)]
    return [{"name": name, "words": called(name), "known": name in DOES, "arguments": told(name)} for name in names]


def called(action: str) -> str:
    return str(DOES.get(action, action))


def arguments_of(action: str) -> dict[str, Argument]:
    """By their names, in the order of the action's input."""
    fields = ACTIONS[action].input.model_fields
    found = [argument(action, name, info) for name, info in fields.items()]
    return {one.name: one for one in found}


def argument(action: str, name: str, info: FieldInfo) -> Argument:
    made = name == "id" and not info.is_required()  # the identifier of a new record, which makes itself
    own = Argument(
        name=name,
        label=str(label_of(action, name)),
        type=type_of(info),
        required=info.is_required(),
        hint=hint_of(action, name),
        nullable=type(None) in kinds_of(info),
        first=info.is_required() or name in SHOWN.get(action, ()),
        offered=not made and not {name, f"{action}.{name}"} & TECHNICAL,
        choices=LISTS.get(f"{action}.{name}") or LISTS.get(name, ""),
        kind=KINDS.get(name, "") or (action.partition(".")[0] if name == "id" else ""),
        wrapped=WRAPPED.get(name),
    )
    if name == "currency":
        return replace(own, type="choice", options=[(code, code) for code in USUAL_CURRENCIES])
    if action == "deal.price" and name == "items":
        return replace(own, type="items", choices="products")
    if own.wrapped:
        return replace(own, type="text")
    if own.choices or own.kind:
        return replace(own, type="record")
    return replace(own, options=options_of(name, info)) if own.type == "choice" else own


def label_of(action: str, name: str) -> Any:
    kind = action.partition(".")[0]
    return ARGUMENTS.get(f"{action}.{name}") or ARGUMENTS.get(f"{kind}.{name}") or ARGUMENTS.get(name) or name


def hint_of(action: str, name: str) -> str:
    """What is used where nothing is said, in the words of whoever draws."""
    said: dict[str, str] = {
        "mail.send_template.template_id": _("What is not known of the client is left out of the mail."),
        "quote.send.to": _("Nobody, where it is empty: the quote then only gets its number."),
        "quote.create.valid_until": _("As in the quotes' settings, where it is empty."),
        "deal.create.stage_id": _("The first stage, where it is empty."),
        "labels": _("Of several, write the expression."),
        "custom": _('By their names for programs, such as {"windows": 6}. Rules offer them by lists.'),
    }
    return said.get(f"{action}.{name}") or said.get(name, "")


TYPES: tuple[tuple[set[Any], str], ...] = (
    ({bool}, "yesno"),
    ({AwareDatetime, datetime}, "moment"),
    ({date}, "date"),
    ({Decimal, float}, "number"),
    ({int}, "whole"),
)


def type_of(info: FieldInfo) -> str:
    if literals(info.annotation):
        return "choice"
    kinds = kinds_of(info)
    for types, word in TYPES:
        if kinds & types:
            return word
    if str not in kinds:
        return "other"
    longest = max((getattr(one, "max_length", None) or 0 for one in info.metadata), default=0)
    return "long" if longest > LONG else "text"


def kinds_of(info: FieldInfo) -> frozenset[Any]:
    annotation: Any = info.annotation
    return alternatives(annotation)


def literals(annotation: Any) -> tuple[Any, ...]:
    """The values of `Literal["a", "b"]`, also where it may be None."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return next((found for one in get_args(annotation) if (found := literals(one))), ())


def options_of(name: str, info: FieldInfo) -> Choices:
    words = OPTIONS.get(name, {})
    return [(str(one), str(words.get(one, one))) for one in literals(info.annotation) if one != ""]


def told(action: str) -> list[dict[str, Any]]:
    """The arguments of an action for the page."""
    return [{key: value for key, value in asdict(one).items() if value} for one in arguments_of(action).values()]


# Checks


def wrong_arguments(lists: Lists, action: str, given: dict[str, str]) -> Iterator[tuple[str, str]]:
    """What is wrong with the arguments of an action, by their names, in words; those that are CEL alone."""
    known = arguments_of(action)
    for name, text in given.items():
        if name not in known:
            yield name, _("%(action)s has no field %(field)s.", action=called(action), field=name or "?")
        elif words := wrong_constant(lists, action, known[name], text):
            yield name, f"{known[name].label}: {words}"
    for one in known.values():
        if one.required and one.name not in given:
            yield one.name, _("%(action)s needs: %(field)s.", action=called(action), field=one.label)


def wrong_constant(lists: Lists, action: str, one: Argument, text: str) -> str:
    """What is wrong with a value that is known before anything runs, or nothing."""
    try:
        if next(parsed(text).find_data("ident"), None) is not None:
            return ""
        value = evaluate(text, {})
    except Wrong:
        return ""  # said of the expression
    if one.choices and isinstance(value, str) and not lists.has(one.choices, value):
        return str(_("what was chosen is not here any more."))
    try:
        adapter(action, one.name).validate_python(value)
    except ValidationError as error:
        return str(Invalid.of(error).fields[0][1])
    except Refusal as error:
        return str(error.detail)
    return ""


@cache
def adapter(action: str, name: str) -> TypeAdapter[Any]:
    info = ACTIONS[action].input.model_fields[name]
    annotation: Any = info.annotation
    return TypeAdapter(Annotated[annotation, *info.metadata] if info.metadata else annotation)
