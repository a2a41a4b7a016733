"""The lists from which whoever draws a process chooses: who and what there is in the workspace."""

from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import func

from core.actor import Actor
from crm.absences.queries import to_choose
from crm.deals.form import stage_choices
from crm.deals.queries import pipelines
from crm.documents.making import templates as word_templates
from crm.forms.models import Form
from crm.mails.actions import templates
from crm.processes.models import Process
from crm.products.queries import offered
from tenants.departments import tree
from tenants.models import Member, Role
from tenants.roles import called

Choices = list[tuple[str, str]]
NAMES = (
    "members", "stages", "pipelines", "mails", "mail_names", "documents", "products", "processes", "forms", "roles",
    "departments",
)  # fmt: skip


@dataclass
class Lists:
    """Each as (what is stored, how it is called), read when it is asked for."""

    actor: Actor

    @classmethod
    def of(cls, actor: Actor) -> "Lists":
        return cls(actor)

    def all(self) -> dict[str, Choices]:
        return {name: getattr(self, name) for name in NAMES}

    def has(self, name: str, value: str) -> bool:
        """By its identifier, or by its name, as files may have it."""
        return any(value in pair for pair in getattr(self, name)) or (name == "members" and value in self.emails)

    @cached_property
    def members(self) -> Choices:
        return [(str(one), name) for one, name in to_choose(self.actor)]

    @cached_property
    def emails(self) -> set[str]:
        return set(self.actor.db.scalars(self.actor.visible(Member, Member.email)))

    @cached_property
    def stages(self) -> Choices:
        return stage_choices(pipelines(self.actor))

    @cached_property
    def pipelines(self) -> Choices:
        return [(str(one.id), one.name) for one in pipelines(self.actor)]

    @cached_property
    def mails(self) -> Choices:
        return [(str(one.id), one.name) for one in templates(self.actor)]

    @cached_property
    def mail_names(self) -> Choices:
        return [(one.name, one.name) for one in templates(self.actor)]

    @cached_property
    def documents(self) -> Choices:
        return [(str(one.id), one.name) for one in word_templates(self.actor)]

    @cached_property
    def products(self) -> Choices:
        return [(str(one.id), one.name) for one in offered(self.actor)]

    @cached_property
    def processes(self) -> Choices:
        rows = self.actor.visible(Process, Process.id, Process.name).where(Process.rule.is_(None))
        return [(str(key), name) for key, name in self.actor.db.execute(rows.order_by(Process.name, Process.id))]

    @cached_property
    def forms(self) -> Choices:
        rows = self.actor.visible(Form, Form.id, Form.name).order_by(Form.name, Form.id)
        return [(str(key), name) for key, name in self.actor.db.execute(rows)]

    @cached_property
    def roles(self) -> Choices:
        rows = self.actor.db.scalars(self.actor.visible(Role).order_by(func.lower(Role.name), Role.id))
        return [(str(one.key or one.id), called(one)) for one in rows]

    @cached_property
    def departments(self) -> Choices:
        return [(str(one.id), one.name) for one, _depth in tree(self.actor)]
