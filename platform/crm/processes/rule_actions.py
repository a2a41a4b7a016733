"""Every change of a rule: it is written as BPMN and published in the same step, so that what stands there holds."""

from collections.abc import Iterator
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
from crm.processes.rules import ASKED, OPS, SET, Condition, Rule, Work, compiled, number
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
    given = {"xml": compiled(data, name), "name": name}
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
    process.draft, process.rule = compiled(data, process.name), kept(data)
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
    wrong = [*about_when(actor, data)]
    for at, condition in enumerate(data.conditions):
        wrong += [(f"conditions.{at}.value", words) for words in about_condition(actor, condition)]
    for at, work in enumerate(data.works):
        wrong += [(f"works.{at}.{name}", words) for name, words in about_work(actor, work)]
    if not data.works:
        wrong.append(("works", _("Say what is to be done.")))
    if wrong:
        raise Invalid(*wrong)
    return said(Names.of(actor), data)[:200]


def about_when(actor: Actor, data: Rule) -> Iterator[tuple[str, str]]:
    if data.when == "stage" and not there(actor, Stage, data.stage_id):
        yield "stage_id", _("Choose a stage.")
    if data.when == "before" and not data.days:
        yield "days", _("Say how many days before.")


def about_condition(actor: Actor, one: Condition) -> Iterator[str]:
    kind = ASKED[one.field].type
    if one.op not in OPS[kind]:
        yield _("This cannot be asked of it.")
    elif one.op not in ("filled", "empty"):
        yield from about_value(actor, kind, one.value)


def about_work(actor: Actor, one: Work) -> Iterator[tuple[str, str]]:
    if one.do in ("task", "notify") and not one.text:
        yield "text", _("Write what is to be done.") if one.do == "task" else _("Write what they are told.")
    if one.do == "move" and not there(actor, Stage, one.stage_id):
        yield "stage_id", _("Choose a stage.")
    if one.do == "mail" and not there(actor, MailTemplate, one.template_id):
        yield "template_id", _("Choose a template.")
    if one.do == "set":
        yield from (("value", words) for words in about_value(actor, SET[one.field].type, one.value))
    if one.late and not one.due:
        yield "due", _("Say when it is due.")


def about_value(actor: Actor, kind: str, value: str) -> Iterator[str]:
    if kind == "number":
        try:
            number(value)
        except ValueError:
            yield _("Write a number.")
    elif kind in ("stage", "member") and not there(actor, Stage if kind == "stage" else Member, as_uuid(value)):
        yield _("Choose one.")
    elif not value:
        yield _("Fill this in.")


def there(actor: Actor, model: Any, record_id: UUID | None) -> bool:
    return (
        record_id is not None
        and actor.db.scalar(actor.visible(model, model.id).where(model.id == record_id)) is not None
    )
