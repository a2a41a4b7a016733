"""Rules as sentences, in the language of whoever reads them, with the names that things have now."""

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext, ngettext, pgettext
from markupsafe import Markup

from core.actor import Actor
from core.pages import highlight
from crm.absences.queries import to_choose
from crm.mails.actions import templates
from crm.processes.rule_fields import Fields, gone
from crm.processes.rules import WHENS, Condition, Rule, Work
from crm.processes.words import TODOS, Choices, people, stages

OPS: dict[str, Any] = {
    "is": lazy_pgettext("rule", "is"),
    "is_not": lazy_pgettext("rule", "is not"),
    "more": lazy_pgettext("rule", "is more than"),
    "less": lazy_pgettext("rule", "is less than"),
    "contains": lazy_pgettext("rule", "contains"),
    "filled": lazy_pgettext("rule", "is filled in"),
    "empty": lazy_pgettext("rule", "is empty"),
}

WHO: dict[str, Any] = {
    "owner": _l("the owner of the deal"),
    "starter": _l("whoever started it"),
    "head": _l("the head of the owner's department"),
    "publisher": _l("whoever wrote the rule"),
}


@dataclass(frozen=True)
class Names:
    """What a rule's choices are called now."""

    people: list[tuple[str, Choices]]
    stages: Choices
    templates: Choices
    colleagues: Choices  # by their ids, as fields of a record have them
    fields: Fields

    @classmethod
    def of(cls, actor: Actor) -> "Names":
        mails = [(str(one.id), one.name) for one in templates(actor)]
        colleagues = [(str(one), name) for one, name in to_choose(actor)]
        return cls(people(actor), stages(actor), mails, colleagues, Fields.of(actor))

    def person(self, who: str) -> str:
        what, _colon, which = who.partition(":")
        if what == "who":
            return str(WHO.get(which, WHO["publisher"]))
        known = {key: name for _group, choices in self.people for key, name in choices}
        if who not in known:
            return str(_("somebody who is not here any more"))
        if what == "role":
            return str(_("somebody with the role %(name)s", name=known[who]))
        if what == "department":
            return str(_("somebody of the department %(name)s", name=known[who]))
        return str(_("the head of the department %(name)s", name=known[who])) if what == "head" else known[who]

    def stage(self, stage_id: Any) -> str:
        return dict(self.stages).get(str(stage_id)) or str(_("a stage that is gone"))

    def template(self, template_id: Any) -> str:
        return dict(self.templates).get(str(template_id)) or str(_("a template that is gone"))


def sentence(names: Names, rule: Rule) -> Markup:
    """ "When a deal comes to Measurement, if the amount of the deal is more than 1000, after 2 days of working time:
    tell Jana: Look." with what can be chosen in bold."""
    before = [when(names, rule)]
    if rule.conditions:
        joined = Markup(" {} ").format(pgettext("rule", "and")).join(asked(names, one) for one in rule.conditions)
        before.append(Markup("{} {}").format(pgettext("rule", "if"), joined))
    if rule.wait:
        before.append(highlight(_("after %(span)s"), {"span": span(rule.wait, rule.unit, rule.hours)}))
    done = Markup("; ").join(doing(names, work) for work in rule.works)
    return Markup("{}: {}.").format(Markup(", ").join(before), done)


def said(names: Names, rule: Rule) -> str:
    """The sentence as plain text."""
    return sentence(names, rule).striptags()


def when(names: Names, rule: Rule) -> Markup:
    match rule.when:
        case "stage":
            return highlight(_("When a deal comes to %(stage)s"), {"stage": names.stage(rule.stage_id)})
        case "task_done" if rule.task:
            return highlight(_("When the task %(name)s is done"), {"name": in_quotes(rule.task)})
        case "before":
            days = ngettext("%(num)s day", "%(num)s days", rule.days or 0)
            return highlight(_("When it is %(days)s before the expected close of a deal"), {"days": days})
    return highlight(_("When %(what)s"), {"what": WHENS[rule.when]})


def asked(names: Names, one: Condition) -> Markup:
    known = names.fields.asked.get(one.field) or gone()
    if one.op in ("filled", "empty"):
        return Markup("<b>{}</b> {}").format(known.words, OPS[one.op])
    return Markup("<b>{}</b> {} <b>{}</b>").format(known.words, OPS[one.op], value_of(names, known.type, one.value))


def doing(names: Names, work: Work) -> Markup:
    match work.do:
        case "task":
            return task(names, work)
        case "notify":
            return highlight(_("tell %(who)s: %(text)s"), {"who": names.person(work.who), "text": in_quotes(work.text)})
        case "mail":
            return highlight(_("send the client the mail %(name)s"), {"name": names.template(work.template_id)})
        case "move":
            return highlight(_("move the deal to %(stage)s"), {"stage": names.stage(work.stage_id)})
        case "win":
            return highlight(_("win the deal"), {})
    known = names.fields.settable.get(work.field) or gone()
    values = {"field": known.words, "value": value_of(names, known.type, work.value)}
    return highlight(_("set %(field)s to %(value)s"), values)


def task(names: Names, work: Work) -> Markup:
    kind = TODOS.get(work.todo)
    named = in_quotes(work.text) + (f" ({kind})" if kind else "")
    words = [highlight(_("give %(who)s the task %(name)s"), {"who": names.person(work.who), "name": named})]
    if work.due:
        words.append(highlight(_("due within %(span)s"), {"span": span(work.due, work.due_unit, "working")}))
        if work.late:
            words.append(highlight(_("if it is late, tell %(who)s"), {"who": names.person(work.late)}))
    return Markup(", ").join(words)


def value_of(names: Names, kind: str, value: str) -> str:
    if kind == "stage":
        return names.stage(value)
    if kind == "member":
        return next(
            (name for key, name in names.colleagues if key == value), str(_("somebody who is not here any more"))
        )
    if kind == "yes":
        return str(_("Yes") if value == "yes" else _("No"))
    return value if kind == "number" else in_quotes(value)


def in_quotes(text: str) -> str:
    return str(_("“%(text)s”", text=text))


def span(count: int, unit: str, hours: str) -> str:
    match unit:
        case "m":
            words = ngettext("%(num)s minute", "%(num)s minutes", count)
        case "h":
            words = ngettext("%(num)s hour", "%(num)s hours", count)
        case "d" if hours == "working":
            return str(ngettext("%(num)s working day", "%(num)s working days", count))
        case "d":
            words = ngettext("%(num)s day", "%(num)s days", count)
        case _:
            words = ngettext("%(num)s week", "%(num)s weeks", count)
    return str(_("%(span)s of working time", span=words) if hours == "working" else words)
