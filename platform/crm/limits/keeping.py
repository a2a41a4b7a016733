"""A form that a full plan refused: what was typed is kept, and the page says so."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from flask import request

from core import waiting
from core.actor import Actor
from core.full import LimitReached
from tenants.members import owners


@dataclass(frozen=True)
class Kept:
    """What the form says above its fields. `title` is empty where nothing was kept; `plan_url` where the reader cannot
    change the plan, and is to ask one of the `owners`."""

    said: str
    title: str
    plan_url: str
    owners: tuple[str, ...]


def keep_typed(actor: Actor, full: LimitReached, action: str, typed: dict[str, Any], title: str) -> Kept:
    kept = waiting.keep(actor, action, UUID(str(typed["id"])), typed, title)
    names = () if full.may_buy else owner_names(actor)
    return Kept(full.said(), title if kept else "", plan_url(actor), names)


def owner_names(actor: Actor) -> tuple[str, ...]:
    return tuple(owner.name for owner in owners(actor.db))


def plan_url(actor: Actor) -> str:
    """The page where the plan is changed, which leads back here; nothing for who may not change it."""
    if not actor.may("billing", "edit"):
        return ""
    return f"{request.script_root}/settings/plan?{urlencode({'next': request.script_root + request.path})}"
