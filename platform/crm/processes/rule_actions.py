"""Every change of a rule: it is written as BPMN and published in the same step, so that what stands there holds."""

from collections.abc import Iterator
from textwrap import shorten
from typing import Annotated, Any
from uuid import UUID

from flask_babel import gettext as _
from pydantic import Field, ValidationError

from core.actions import action
from core.actor import Actor
from core.db import as_uuid
from core.errors import Invalid
from crm.deals.models import Stage
from crm.mails.models import MailTemplate
from crm.processes import actions
from crm.processes.models import Process
from crm.processes.rule_fields import OPS, Fields, Known
from crm.processes.rules import Condition, Rule, Work, compiled, number
from crm.processes.sentences import Names, said
from tenants.models import Member


class NewRule(Rule):
    id: Annotated[UUID | None, Field(description="Your own (UUID), so that sending it twice makes one rule.")] = None


class ChangedRule(Rule):
    id: UUID
    version: int | None = None


@action("rule.create", right=("process", "create"))
def create(actor: Actor, data: NewRule) -> Process:
    """A rule that holds from now on, with the rights of whoever writes it. Raises Invalid."""
    known = actor.repeated(Process, data.id)
    if known:
        return known
    name = checked(actor, data)
    given = {"xml": compiled(data, name, Fields.of(actor)), "name": name}
    process = actions.create(actor, actions.create.parse({**given, "id": data.id}))
    actor.db.flush()
    process.rule = kept(data)
    return actions.publish(actor, actions.OneProcess(id=process.id))


@action("rule.edit", right=("process", "edit"))
def change(actor: Actor, data: ChangedRule) -> Process:
    """What is under way goes on by the rule as it was. One that was off stays off."""
    process = actor.take(Process, data.id, "edit", data.version)
    off = not process.enabled
    process.name = checked(actor, data)
    process.draft, process.rule = compiled(data, process.name, Fields.of(actor)), kept(data)
    actor.db.flush()
    actions.publish(actor, actions.OneProcess(id=process.id))
    return actions.switch_off(actor, actions.OneProcess(id=process.id)) if off else process


def rule_of(process: Process) -> Rule | None:
    """The rule that a process was written from; None for one that was drawn."""
    try:
        return Rule.model_validate(process.rule) if process.rule else None
    except ValidationError:
        return None


def kept(data: Rule) -> dict[str, Any]:
    return data.model_dump(mode="json", exclude={"id", "version"})


def checked(actor: Actor, data: Rule) -> str:
    """The rule's sentence, by which its process is called. Raises Invalid, naming each field that is missing."""
    wrong, fields = [*about_when(actor, data)], Fields.of(actor)
    for at, condition in enumerate(data.conditions):
        known = fields.asked.get(condition.field)
        wrong += [(f"conditions.{at}.value", words) for words in about_condition(actor, condition, known)]
    for at, work in enumerate(data.works):
        known = fields.settable.get(work.field)
        wrong += [(f"works.{at}.{name}", words) for name, words in about_work(actor, work, known)]
    if not data.works:
        wrong.append(("works", _("Say what is to be done.")))
    if wrong:
        raise Invalid(*wrong)
    return shorten(said(Names.of(actor), data), 200, placeholder="…")


def about_when(actor: Actor, data: Rule) -> Iterator[tuple[str, str]]:
    if data.when == "stage" and not there(actor, Stage, data.stage_id):
        yield "stage_id", _("Choose a stage.")
    if data.when == "before" and not data.days:
        yield "days", _("Say how many days before.")


def about_condition(actor: Actor, one: Condition, known: Known | None) -> Iterator[str]:
    if known is None:
        yield _("There is no such field.")
    elif one.op not in OPS[known.type]:
        yield _("This cannot be asked of it.")
    elif one.op not in ("filled", "empty"):
        yield from about_value(actor, known, one.value)


def about_work(actor: Actor, one: Work, known: Known | None) -> Iterator[tuple[str, str]]:
    if one.do in ("task", "notify") and not one.text:
        yield "text", _("Write what is to be done.") if one.do == "task" else _("Write what they are told.")
    if one.do == "move" and not there(actor, Stage, one.stage_id):
        yield "stage_id", _("Choose a stage.")
    if one.do == "mail" and not there(actor, MailTemplate, one.template_id):
        yield "template_id", _("Choose a template.")
    if one.do == "set":
        found = about_value(actor, known, one.value) if known else [_("There is no such field.")]
        yield from (("value", words) for words in found)
    if one.late and not one.due:
        yield "due", _("Say when it is due.")


def about_value(actor: Actor, known: Known, value: str) -> Iterator[str]:
    kind = known.type
    if kind == "number":
        try:
            number(value)
        except ValueError:
            yield _("Write a number.")
    elif kind in ("stage", "member"):
        if not there(actor, Stage if kind == "stage" else Member, as_uuid(value)):
            yield _("Choose one.")
    elif known.options or kind == "yes":
        if value not in (known.options or ("yes", "no")):
            yield _("Choose one.")
    elif not value:
        yield _("Fill this in.")


def there(actor: Actor, model: Any, record_id: UUID | None) -> bool:
    return (
        record_id is not None
        and actor.db.scalar(actor.visible(model, model.id).where(model.id == record_id)) is not None
    )
