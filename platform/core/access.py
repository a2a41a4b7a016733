"""Rights: what a role may do with which kind of record, and how far.

A right is (kind, verb); a role gives each right a scope, from `none` over `own`, `team` and `department` (with all
below it) to `all`. A scope looks at whom a record belongs to: a member's circle is who that may be. People who are in
no department are one department together, so that a business without departments is not cut into single persons.

The declarations below are the only place that knows the kinds and verbs; pages, the API, the matrix of roles and the
tests walk them, and an action or resource they do not name fails.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args
from uuid import UUID

from sqlalchemy import ColumnElement, any_, false, literal, or_, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from core.records import Record

Scope = Literal["none", "own", "team", "department", "all"]
SCOPES: tuple[Scope, ...] = get_args(Scope)  # from narrow to wide
Right = tuple[str, str]
Rights = Mapping[str, Mapping[str, Scope]]

VERBS: dict[str, tuple[str, ...]] = {
    "contact": ("view", "create", "edit", "delete", "export", "import", "assign"),
    "company": ("view", "create", "edit", "delete", "export", "assign"),
    "deal": ("view", "create", "edit", "delete", "export", "assign"),
    "task": ("view", "create", "edit", "delete", "assign"),
    "note": ("view", "create", "edit", "delete"),
    "quote": ("view", "create", "edit", "delete"),
    "payment": ("view", "create", "edit", "delete"),
    "document": ("view", "create", "delete"),
    "document_template": ("view", "create", "delete"),
    "product": ("view", "create", "edit", "delete"),
    "request": ("view", "create", "edit", "delete", "assign"),
    "form": ("view", "create", "edit", "delete"),
    "field": ("view", "create", "edit", "delete"),
    "call": ("view", "create", "edit"),
    "mail": ("view", "create"),
    "mail_template": ("view", "create", "edit", "delete"),
    "pipeline": ("view", "create", "edit", "delete"),
    "token": ("view", "create", "delete"),
    "member": ("view", "create", "edit"),
    "role": ("view", "create", "edit", "delete"),
    "department": ("view", "create", "edit", "delete"),
    "team": ("view", "create", "edit", "delete"),
    "settings": ("view", "edit"),
    "audit": ("view", "export"),
    "billing": ("view", "edit"),
    "backup": ("view", "create", "restore"),
    "export": ("view", "create", "edit", "delete"),
    "privacy": ("view", "edit"),
    "process": ("view", "create", "edit", "delete"),
}

# Records without rights of their own: whoever holds this one may see and change them, as far as its scope reaches.
DECIDED_BY: dict[str, Right] = {
    "import": ("contact", "import"),
    "stage": ("pipeline", "view"),
    "invitation": ("member", "create"),
    "share": ("member", "view"),
    "absence": ("member", "edit"),
    "connection": ("settings", "edit"),
    "domain": ("settings", "edit"),
    "link": ("member", "edit"),
    "scim_token": ("settings", "edit"),
    "letterhead": ("settings", "edit"),
    "till": ("settings", "edit"),
    "instance": ("process", "edit"),
    "telephone": ("settings", "edit"),
}

# Kinds that tell what a field of another kind says: who may not see that field sees none of them.
TELLING: dict[str, Right] = dict.fromkeys(("quote", "payment", "document"), ("deal", "amount"))

# The kinds of the matrix, each right with a scope of its own.
WORK = ("contact", "company", "deal", "quote", "payment", "document", "task", "note", "call", "mail", "request")
# What else a role may do, each as a whole or not at all.
SPECIAL: dict[str, tuple[Right, ...]] = {
    "settings": (
        ("settings", "view"),
        ("settings", "edit"),
        *(
            (kind, verb)
            for kind in ("pipeline", "field", "form", "mail_template")
            for verb in ("create", "edit", "delete")
        ),
        ("document_template", "create"),
        ("document_template", "delete"),
    ),
    "members": (
        ("member", "create"),
        ("member", "edit"),
        *((kind, verb) for kind in ("role", "department", "team") for verb in ("create", "edit", "delete")),
        ("role", "view"),
    ),
    "products": (("product", "create"), ("product", "edit"), ("product", "delete")),
    "tokens": (("token", "view"), ("token", "create"), ("token", "delete")),
    "audit": (("audit", "view"), ("audit", "export")),
    "usage": (("billing", "view"),),
    "billing": (("billing", "view"), ("billing", "edit")),
    "backups": (("backup", "view"), ("backup", "create"), ("backup", "restore")),
    "privacy": (("privacy", "view"), ("privacy", "edit")),
    "processes": tuple(("process", verb) for verb in VERBS["process"]),
}
# What everybody may who works here.
EVERYBODY: tuple[Right, ...] = tuple(
    (kind, "view")
    for kind in (
        "pipeline",
        "field",
        "form",
        "mail_template",
        "document_template",
        "product",
        "member",
        "department",
        "team",
    )
)
# What everybody may with their own. What may be in an export is asked of the kinds themselves (crm.exports.kinds).
OWN: tuple[Right, ...] = tuple(("export", verb) for verb in VERBS["export"])


# The fields that a role may see but not change, or not see at all; what of a record is computed from them stands in
# core.masking.
FieldRule = Literal["readonly", "hidden"]
FieldRules = Mapping[str, Mapping[str, FieldRule]]
FIELDS: dict[str, tuple[str, ...]] = {
    "contact": ("emails", "phones", "addresses", "position", "source", "labels", "about", "custom"),
    "company": ("emails", "phones", "addresses", "reg_no", "vat_no", "website", "labels", "about", "custom"),
    "deal": ("amount", "probability", "expected_close", "about", "custom"),
}


@dataclass(frozen=True)
class Circle:
    """Who counts as whom for a member: whose records are "own", the team's, the department's. `shared` are the records
    that were shared with the member beyond the role, by right."""

    me: UUID
    team: Collection[UUID] = ()
    department: Collection[UUID] = ()
    shared: Mapping[Right, Collection[UUID]] = field(default_factory=dict)

    def of(self, scope: Scope) -> Collection[UUID]:
        return {"own": (), "team": self.team, "department": self.department}.get(scope, ())


def everything(scope: Scope = "all") -> dict[str, dict[str, Scope]]:
    return {kind: dict.fromkeys(verbs, scope) for kind, verbs in VERBS.items()}


def rights_of(matrix: Mapping[str, Mapping[str, Scope]], special: Collection[str]) -> dict[str, dict[str, Scope]]:
    """A role's rights from the matrix, the special rights, and what everybody may. Whoever may make tokens may make
    their own alone, unless they have everything."""
    rights: dict[str, dict[str, Scope]] = {kind: dict(matrix.get(kind, {})) for kind in WORK}
    for kind, verb in EVERYBODY:
        rights.setdefault(kind, {})[verb] = "all"
    for kind, verb in OWN:
        rights.setdefault(kind, {})[verb] = "own"
    for name in special:
        for kind, verb in SPECIAL[name]:
            rights.setdefault(kind, {})[verb] = "own" if kind == "token" else "all"
    return rights


def work(scopes: Mapping[str, Scope]) -> dict[str, dict[str, Scope]]:
    """The same scopes by verb for every kind of work that has the verb; verbs not named get none."""
    return {kind: {verb: scopes.get(verb, "none") for verb in VERBS[kind]} for kind in WORK}


# A request that nobody has yet is everybody's who sells: they must see it to take it.
REQUESTS: dict[str, dict[str, Scope]] = {
    "head": {"view": "all", "create": "all", "edit": "all", "delete": "department", "assign": "all"},
    "sales": {"view": "all", "create": "all", "edit": "all", "delete": "none", "assign": "own"},
}
DEPARTMENT: dict[str, Scope] = dict.fromkeys(("view", "edit", "delete", "export", "assign"), "department")
# The ready-made roles of a new workspace, in the order of the choice.
ROLES: dict[str, dict[str, dict[str, Scope]]] = {
    "owner": everything(),
    "admin": everything()
    | {"billing": {"view": "all", "edit": "none"}, "backup": dict.fromkeys(VERBS["backup"], "none")},
    "head": rights_of(
        work({**DEPARTMENT, "create": "all", "import": "all"}) | {"request": REQUESTS["head"]}, ["products", "tokens"]
    ),
    "sales": rights_of(
        work({"view": "department", "create": "all", "edit": "own", "delete": "own", "assign": "own"})
        | {"request": REQUESTS["sales"]},
        ["tokens"],
    ),
    "field": rights_of(work({"view": "own", "create": "own", "edit": "own", "delete": "own"}), []),
    "reader": rights_of(work({"view": "all"}), []),
}


def scope_of(rights: Rights, right: Right) -> Scope:
    kind, verb = DECIDED_BY.get(right[0], right)
    if verb not in VERBS.get(kind, ()):
        raise LookupError(f"no such right is declared: {kind}.{verb}")
    return rights.get(kind, {}).get(verb, "none")


def within(scope: Scope, model: type[Record], circle: Circle, verb: str = "view") -> ColumnElement[bool]:
    """The rows that a scope reaches, as a condition for WHERE."""
    if scope == "all":
        return true()
    shared = circle.shared.get((model.kind, verb))
    conditions: list[ColumnElement[bool]] = []
    if scope != "none" and model.owner_column:
        owner = getattr(model, model.owner_column)
        others = circle.of(scope)
        conditions.append(owner == any_(literal([circle.me, *others], ARRAY(Uuid))) if others else owner == circle.me)
    if shared:
        conditions.append(model.id == any_(literal(list(shared), ARRAY(Uuid))))
    return or_(*conditions) if conditions else false()


def covers(scope: Scope, record: Record, circle: Circle, verb: str = "view") -> bool:
    """The same question of one record in hand."""
    if scope == "all" or record.id in circle.shared.get((record.kind, verb), ()):
        return True
    if scope == "none" or not record.owner_column:
        return False
    owner = getattr(record, record.owner_column)
    return owner == circle.me or (owner is not None and owner in circle.of(scope))


def scopes_in(rights: Rights) -> list[str]:
    """The scopes that occur, so that a request looks up only the circles it needs."""
    return sorted({scope for verbs in rights.values() for scope in verbs.values()})


def seeing_more(fields: FieldRules, held: FieldRules) -> list[Right]:
    """The fields, as (kind, field), that these rules leave more open than the rules held do."""
    order = (None, "readonly", "hidden")
    return [
        (kind, name)
        for kind, rules in held.items()
        for name, rule in rules.items()
        if order.index(fields.get(kind, {}).get(name)) < order.index(rule)
    ]


def wider(rights: Rights, held: Rights) -> list[Right]:
    """The rights that are wider than those held: nobody may give what they lack."""
    return [
        (kind, verb)
        for kind, verbs in rights.items()
        for verb, scope in verbs.items()
        if SCOPES.index(scope) > SCOPES.index(held.get(kind, {}).get(verb, "none"))
    ]
