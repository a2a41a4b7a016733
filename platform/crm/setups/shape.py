"""What a set-up file may say: pipelines, roles, departments, own fields, price list, texts, web forms, processes.

A thing is named by its `key` where another one in the file names it, else by its name. In files of ours a text is
{en: ..., cs: ...}; what is checked here has been put into one language already (crm.setups.reading).
"""

from decimal import Decimal
from typing import Annotated, Any, Literal

from flask_babel import gettext as _
from pydantic import Field, model_validator

from core.access import ROLES, WORK, Scope
from core.actions import Input
from crm.deals.pipelines import MOST_STAGES, LostReasons, Name, StageFields, StaleDays
from crm.documents.actions import Words
from crm.fields.actions import CHOOSING, KEY_LENGTH, Options
from crm.fields.models import FieldType, RecordKind
from crm.forms.actions import MOST_FIELDS, FormField, Look
from crm.mails.actions import Body
from crm.processes.actions import Xml
from tenants.roles import matrix_of, special_of

VERSION = 1
MOST = 200  # things of one kind

Key = Annotated[str, Field(max_length=80)]


class Thing(Input):
    """Something that another thing of the file can name by its key or its name."""

    key: Key = ""
    name: Key

    def goes_by(self) -> str:
        return self.key or self.name


class GivenStage(StageFields):
    key: Key = ""

    def goes_by(self) -> str:
        return self.key or self.name


class GivenPipeline(Thing):
    name: Name
    stale_days: StaleDays | None = 14
    lost_reasons: LostReasons = []
    returning: bool = False
    stages: Annotated[list[GivenStage], Field(min_length=1, max_length=MOST_STAGES)]


class GivenRole(Thing):
    """`like` is the ready-made role that it begins with; `matrix` says what differs (tenants.roles.RoleFields)."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    like: Literal["admin", "head", "sales", "field", "reader"] | None = None
    matrix: dict[str, dict[str, Scope]] = {}
    special: list[str] | None = None
    fields: dict[str, dict[str, Literal["readonly", "hidden"]]] = {}


class GivenDepartment(Thing):
    name: Annotated[str, Field(min_length=1, max_length=80)]
    parent: Key = ""


class GivenField(Input):
    """A field of the business's own on contacts, companies or deals, known by its key there."""

    key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=KEY_LENGTH)]
    on: RecordKind
    label: Annotated[str, Field(min_length=1, max_length=60)]
    type: FieldType
    options: Options = []
    hint: Annotated[str, Field(max_length=200)] = ""
    required: bool = False

    def goes_by(self) -> str:
        return f"{self.on}.{self.key}"

    @model_validator(mode="after")
    def has_options(self) -> "GivenField":
        if self.type in CHOOSING and not self.options:
            raise ValueError(_("Write what there is to choose from."))
        return self


class GivenProduct(Input):
    """`price` without VAT by currency. In a workspace with another currency there is none, and no product."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    code: Annotated[str, Field(max_length=60)] = ""
    unit: Annotated[str, Field(max_length=20)] = ""
    price: dict[str, Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=2)]]
    vat_rate: Decimal | None = None
    about: Annotated[str, Field(max_length=10_000)] = ""


class GivenTemplate(Input):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    subject: Annotated[str, Field(max_length=200)] = ""
    body: Body


class GivenLetterhead(Input):
    """The texts of quotes, and how long those hold."""

    header: Annotated[str, Field(max_length=1_000)] = ""
    footer: Annotated[str, Field(max_length=1_000)] = ""
    terms: Words = ""
    valid_days: Annotated[int, Field(ge=1, le=365)] | None = None


class GivenForm(Thing):
    """`pipeline`, `stage`, `role` and `department` name things of the file, or of the workspace."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    heading: Annotated[str, Field(max_length=200)] = ""
    intro: Annotated[str, Field(max_length=2_000)] = ""
    fields: Annotated[list[FormField], Field(max_length=MOST_FIELDS)] = []
    look: Look = Look()
    opens: bool = True
    minutes: Annotated[int, Field(ge=1, le=10_080)] = 15
    rule: Literal["nobody", "turns", "load"] = "nobody"
    role: Key = ""
    department: Key = ""
    pipeline: Key = ""
    stage: Key = ""


class GivenProcess(Input):
    """As BPMN in the file itself; of ours, in a `file` beside it. What is drawn names stages, roles and departments as
    «stage:pipeline/stage», «role:key», «department:key». One that is not `on` stays a draft."""

    file: Annotated[str, Field(max_length=100, pattern=r"^[a-z0-9_/-]+\.bpmn$")] = ""
    bpmn: Annotated[Xml, Field(min_length=0)] = ""
    on: bool = True

    @model_validator(mode="after")
    def drawn(self) -> "GivenProcess":
        if bool(self.file) == bool(self.bpmn):
            raise ValueError(_("Give the process as BPMN."))
        return self


class Setup(Input):
    """A whole file. `key`, `name`, `about` and `demo` are those of a ready-made industry (crm.industries)."""

    okno: Literal[1]
    key: Annotated[str, Field(max_length=40, pattern=r"^[a-z0-9_]*$")] = ""
    name: Key = ""
    about: Annotated[str, Field(max_length=500)] = ""
    pipelines: Annotated[list[GivenPipeline], Field(max_length=MOST)] = []
    departments: Annotated[list[GivenDepartment], Field(max_length=MOST)] = []
    roles: Annotated[list[GivenRole], Field(max_length=MOST)] = []
    fields: Annotated[list[GivenField], Field(max_length=MOST)] = []
    products: Annotated[list[GivenProduct], Field(max_length=1_000)] = []
    mail_templates: Annotated[list[GivenTemplate], Field(max_length=MOST)] = []
    letterhead: GivenLetterhead | None = None
    forms: Annotated[list[GivenForm], Field(max_length=MOST)] = []
    processes: Annotated[list[GivenProcess], Field(max_length=MOST)] = []

    @model_validator(mode="after")
    def named_once(self) -> "Setup":
        """Two things of a kind cannot go by the same name."""
        kinds: dict[str, Any] = {
            "pipelines": self.pipelines, "departments": self.departments, "roles": self.roles, "fields": self.fields,
        }  # fmt: skip
        for kind, things in kinds.items():
            seen: set[str] = set()
            for thing in things:
                if thing.goes_by().casefold() in seen:
                    raise ValueError(_("%(kind)s: %(name)s is there twice.", kind=kind, name=thing.goes_by()))
                seen.add(thing.goes_by().casefold())
        return self


def work_of(role: GivenRole) -> tuple[dict[str, dict[str, Scope]], list[str]]:
    """(matrix, special) of a role, as tenants.roles takes them."""
    base = ROLES.get(role.like or "", {})
    matrix = {kind: {**matrix_of(base)[kind], **role.matrix.get(kind, {})} for kind in WORK}
    unknown = {kind: verbs for kind, verbs in role.matrix.items() if kind not in WORK}
    return {**matrix, **unknown}, special_of(base) if role.special is None else role.special
