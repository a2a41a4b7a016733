"""What waits to be done and what failed, of every workspace, as the operator sees it."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

TOO_OLD = 60.0  # seconds after which work that is due means that something stands still

Row = dict[str, Any]

WHOSE = "coalesce(workspace.slug, case role when 'okno_control' then '(service)' else role end) as workspace"
DOES = "coalesce(payload->>'job', payload->>'action', topic) as work"


def lag(control: Session) -> list[Row]:
    """For each queue: how many rows are due and how many seconds ago the oldest was."""
    return rows(control, LAG)


LAG = """
select listed.queue, count(outbox.id) as due,
    coalesce(round(extract(epoch from now() - min(outbox.next_at)), 1), 0)::float as oldest
from unnest(array['bell', 'urgent', 'default', 'bulk']) with ordinality as listed (queue, place)
left join bus.outbox on outbox.queue = listed.queue and outbox.next_at <= now()
group by listed.queue, listed.place order by listed.place
"""


def waiting(control: Session) -> list[Row]:
    """By queue and workspace: rows due with the age of the oldest in seconds, rows in hand, rows for a later time."""
    return rows(control, WAITING)


WAITING = f"""
select queue, {WHOSE}, count(*) filter (where next_at <= now()) as due,
    coalesce(round(extract(epoch from now() - min(next_at) filter (where next_at <= now())), 1), 0)::float as oldest,
    count(*) filter (where lease_until > now()) as in_hand,
    count(*) filter (where next_at > now() and lease_until is null) as later
from bus.outbox left join control.workspace on role_name = role
group by queue, role, workspace.slug order by oldest desc, queue, role
"""  # noqa: S608 (constants of this module)


def failed(control: Session) -> list[Row]:
    """All that was given up, the newest first, each with the last line of its trace."""
    return rows(control, FAILED)


BRIEFLY = f"failed.id, {WHOSE}, queue, {DOES}, failed_at, attempt, (regexp_match(trace, '([^\\n]*)\\s*$'))[1] as error"
FAILED = f"""
select {BRIEFLY} from bus.failed left join control.workspace on role_name = role order by failed_at desc, failed.id desc
"""  # noqa: S608 (constants of this module)


def failed_one(control: Session, work_id: int) -> Row | None:
    """One with its arguments and its whole trace."""
    found = rows(control, FAILED_ONE, id=work_id)
    return found[0] if found else None


FAILED_ONE = f"""
select {BRIEFLY}, at as asked_at, payload, trace from bus.failed left join control.workspace on role_name = role
where failed.id = :id
"""  # noqa: S608 (constants of this module)


def retry(control: Session, work_id: int | None = None) -> int:
    """Put one, or all, back into the outbox, with all attempts before it; under its old number, so that what it has
    done already is not done again. Returns how many."""
    return len(rows(control, RETRY, id=work_id))


RETRY = """
with again as (delete from bus.failed where id = :id or cast(:id as bigint) is null returning *)
insert into bus.outbox (id, role, topic, queue, payload, at, attempt) overriding system value
select id, role, topic, queue, payload, at, attempt from again returning id
"""


def drop(control: Session, work_id: int) -> bool:
    """Forget one for good. Returns whether it was there."""
    return bool(rows(control, "delete from bus.failed where id = :id returning id", id=work_id))


def rows(control: Session, sql: str, **values: Any) -> list[Row]:
    return [dict(row) for row in control.execute(text(sql), values).mappings()]
