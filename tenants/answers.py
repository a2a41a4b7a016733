"""Answers kept for repeated requests: what a POST with an Idempotency-Key was told, for 24 hours."""

from dataclasses import dataclass

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from core.actor import Actor
from tenants.models import IdempotentAnswer


@dataclass(frozen=True)
class Kept:
    route: str
    body_hash: bytes
    status: int
    body: bytes
    etag: str | None


def claim(actor: Actor, key: str, route: str, body_hash: bytes) -> Kept | None:
    """Take the key for this request, or return the answer it was given before.

    Two at once: the second waits here for the first's commit, then gets its answer.
    """
    mine = (IdempotentAnswer.member_id == actor.member.id) & (IdempotentAnswer.key == key)
    taken = insert(IdempotentAnswer).values(member_id=actor.member.id, key=key, route=route, body_hash=body_hash)
    fresh = taken.on_conflict_do_update(
        index_elements=["member_id", "key"],
        set_={"route": route, "body_hash": body_hash, "status": None, "body": None, "etag": None, "at": func.now()},
        where=IdempotentAnswer.at < func.now() - text("interval '24 hours'"),
    ).returning(IdempotentAnswer.key)
    if actor.db.execute(fresh).first():
        return None
    row = actor.db.execute(select(IdempotentAnswer).where(mine)).scalar_one()
    return Kept(row.route, row.body_hash, row.status or 200, row.body or b"", row.etag)


def keep(actor: Actor, key: str, status: int, body: bytes, etag: str | None) -> None:
    """Store the answer in the transaction of its effect."""
    actor.db.execute(
        update(IdempotentAnswer)
        .where(IdempotentAnswer.member_id == actor.member.id, IdempotentAnswer.key == key)
        .values(status=status, body=body, etag=etag)
    )
