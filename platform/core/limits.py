"""The limits of plans: how much of each thing a workspace has, and how much it may have.

A limit is one row of `counter` with the present value and the cap. What a transaction adds is noted while it works and
goes into the row by its last statement, which finds no row where the cap would be passed: then everything is rolled
back as LimitReached. So the cap holds exactly however many write at once, the row is held only until the commit, and
nothing is ever counted through.

A kind of record says what it takes up (`Record.counted`); making, deleting, restoring and undoing it counts by itself.
Who writes past the ORM (COPY, raw SQL) calls `count`.
"""

import logging
from collections import Counter as Tally
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import BigInteger, SmallInteger, event, func, inspect, select, text
from sqlalchemy.orm import Mapped, Session, SessionTransaction, UOWTransaction, mapped_column

from config.plans import LIMITS, Limit, plans
from config.settings import settings
from core.db import Base
from core.full import LimitReached
from core.ids import new_id
from core.records import KINDS, Counted, Record

if TYPE_CHECKING:
    from core.actor import Actor

log = logging.getLogger(__name__)

# Those that have a counter; calls of the API are counted by the minute, in Valkey (core.calls).
COUNTED: tuple[Limit, ...] = tuple(name for name in LIMITS if name != "api_calls")
MONTHLY: frozenset[Limit] = frozenset({"mails"})
HISTORY = 30  # days

# Jobs of rooms above, asked for by name.
TELL, SAVE_WAITING = "limits.tell", "limits.save_waiting"


class Counter(Base):
    """`cap` is null where there is no limit. A value that begins anew with each month (UTC) has the month's first day
    in `since`. `told` is the level, 80 or 100 %, that the owners were last told of, at `told_at`."""

    __tablename__ = "counter"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger, server_default="0", default=0)
    cap: Mapped[int | None] = mapped_column(BigInteger)
    since: Mapped[date | None]
    told: Mapped[int] = mapped_column(SmallInteger, server_default="0", default=0)
    told_at: Mapped[datetime | None]


class Usage(Base):
    """The value at the end of a day; of the calls of the API, the day's highest minute."""

    __tablename__ = "usage"

    name: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    value: Mapped[int] = mapped_column(BigInteger)


@dataclass(frozen=True)
class InUse:
    """One limit as the page of the plan shows it. `cap` and `room` are None for any number; `history` are the last
    days that were noted, oldest first."""

    name: Limit
    value: int
    cap: int | None
    room: int | None
    history: tuple[tuple[date, int], ...]


# Counting


def count(session: Session, name: Limit, more: int) -> None:
    """Take so many places with the session's transaction, or give them back where negative. Whether they fit, the
    commit says."""
    if more:
        tally_of(session)[name] += more


def tally_of(session: Session) -> Tally[Limit]:
    """What the present transaction, or its present savepoint, adds."""
    transaction = session.get_nested_transaction() or session.get_transaction() or session.begin()
    tallies: dict[SessionTransaction, Tally[Limit]] = session.info.setdefault("counted", {})
    return tallies.setdefault(transaction, Tally())


@event.listens_for(Session, "after_flush")
def count_flushed(session: Session, _context: UOWTransaction) -> None:
    """Each flushed record that takes up something, before and after. Defaults have their values by now, and what stood
    there before the flush is still known."""
    for record in session.new:
        count_record(session, record, 0, 1)
    for record in session.dirty:
        count_record(session, record, 1, 1)
    for record in session.deleted:
        count_record(session, record, 1, 0)


def count_record(session: Session, record: object, before: int, after: int) -> None:
    for counted in record.counted if isinstance(record, Record) else ():
        names = counted.columns
        now = {name: getattr(record, name) for name in names}
        was = {name: value_before(record, name) for name in names} if before else now
        count(session, counted.limit, after * counted.taken(now) - before * counted.taken(was))


def value_before(record: object, name: str) -> Any:
    """What stood in the column before this flush; a column that was never set held nothing. Such columns have
    `active_history`, or one of an expired record would not be known."""
    attribute = inspect(record).attrs[name]
    added, _unchanged, deleted = attribute.history
    return deleted[0] if deleted else None if added else attribute.value


@event.listens_for(Session, "before_commit")
def settle(session: Session) -> None:
    """The last statement of a transaction that counted something. Raises LimitReached."""
    session.flush()
    tallies = session.info.get("counted")
    if not tallies:
        return
    savepoint = session.get_nested_transaction()
    if savepoint is not None:
        added = tallies.pop(savepoint, None)
        if added:
            tallies.setdefault(around(savepoint), Tally()).update(added)
        return
    added = tallies.pop(session.get_transaction(), {})
    for name, more in sorted(added.items()):  # one order for all, so that no two wait for each other
        if more:
            bump(session, name, more)


def around(savepoint: SessionTransaction) -> SessionTransaction:
    """The savepoint or transaction within which a savepoint was made."""
    outer = savepoint.parent
    while outer is not None and outer.parent is not None and not outer.nested:
        outer = outer.parent
    return outer or savepoint


@event.listens_for(Session, "after_soft_rollback")
def forget(session: Session, ended: SessionTransaction) -> None:
    tallies = session.info.get("counted", {})
    tallies.pop(ended, None)
    if ended.parent is None:
        tallies.clear()


MONTH = "date_trunc('month', now() at time zone 'utc')"
PRESENT = f"case when since < {MONTH}::date then 0 else value end"
TOLD = f"case when told_at at time zone 'utc' >= {MONTH} then told else 0 end"
AFTER = f"{PRESENT} + %(more)s"
LEVEL = f"case when {AFTER} >= cap then 100 when ({AFTER}) * 5 >= cap * 4 then 80 else 0 end"
NEWS = f"(%(more)s > 0 and {LEVEL} > {TOLD})"
BUMP = f"""
update counter set value = {AFTER}, since = case when since is not null then greatest(since, {MONTH}::date) end,
    told = case when {NEWS} then {LEVEL} else told end, told_at = case when {NEWS} then now() else told_at end
where name = %(name)s and (cap is null or %(more)s <= 0 or {AFTER} <= cap)
returning value, cap, told, told_at = now() as news
"""  # noqa: S608 (constants of this module)


def bump(session: Session, name: Limit, more: int) -> None:
    row = session.connection().exec_driver_sql(BUMP, {"name": name, "more": more}).first()
    if row is None:
        refuse(session, name, more)
    elif row.news:
        put_job(session, TELL, limit=name, level=row.told, key=new_id())
    elif more < 0 and row.cap is not None and row.value - more >= row.cap:
        ask_to_save(session)


def refuse(session: Session, name: Limit, more: int) -> None:
    found = standing(session, name)
    if found is None:
        log.error("the workspace has no counter of %s; okno limits check makes it", name)
        return
    raise LimitReached(name, found.value, found.cap or 0, more)


# Room


@dataclass(frozen=True)
class Standing:
    value: int
    cap: int | None

    @property
    def room(self) -> int | None:
        return None if self.cap is None else max(0, self.cap - self.value)


STANDING = text(f"select {PRESENT} as value, cap from counter where name = :name")  # noqa: S608 (a constant)


def standing(session: Session, name: Limit) -> Standing | None:
    """The present value and the cap, as far as others have committed."""
    row = session.connection().execute(STANDING, {"name": name}).first()
    return Standing(row.value, row.cap) if row else None


def room(session: Session, name: Limit) -> int | None:
    """How many more fit in now; None for any number. Only the commit that takes them decides."""
    found = standing(session, name)
    return found.room if found else None


def check_room(session: Session, name: Limit, more: int = 1) -> None:
    """Raises LimitReached where so many would not fit now: for what is done outside the transaction that counts."""
    found = standing(session, name)
    if found and found.room is not None and more > found.room:
        raise LimitReached(name, found.value, found.cap or 0, more)


# Caps


def first_caps() -> dict[Limit, int | None]:
    """Those of a new workspace: of the free plan, or none where there are no plans."""
    if settings().payments is None:
        return dict.fromkeys(COUNTED)
    return {name: plans().free.cap(name, 0) for name in COUNTED}


SET_CAP = text(f"""
insert into counter (name, cap, since) values (:name, :cap, case when :monthly then {MONTH}::date end)
on conflict (name) do update set cap = excluded.cap,
    told = case when counter.cap is distinct from excluded.cap then 0 else counter.told end
""")  # noqa: S608 (constants of this module)


def set_caps(session: Session, caps: Mapping[Limit, int | None]) -> None:
    """What may be had from now on, in the session's transaction; None for any number. What is there already stays,
    though it be more. Whatever waits for room is tried again, and the owners are told anew."""
    for name in sorted(name for name in caps if name in COUNTED):
        values = {"name": name, "cap": caps[name], "monthly": name in MONTHLY}
        session.connection().execute(SET_CAP, values)
    ask_to_save(session)


def ask_to_save(session: Session) -> None:
    """There is room: ask for what waits to be saved, if anything does."""
    session.connection().execute(ASK_TO_SAVE, {"payload": payload(SAVE_WAITING)})


ASK_TO_SAVE = text("""
insert into bus.outbox (topic, payload)
select 'job', cast(:payload as jsonb) where exists (select from waiting where error = '')
""")


def put_job(session: Session, job: str, **arguments: Any) -> None:
    session.connection().execute(PUT, {"payload": payload(job, **arguments)})


PUT = text("insert into bus.outbox (topic, payload) values ('job', cast(:payload as jsonb))")


def payload(job: str, **arguments: Any) -> str:
    return orjson.dumps({"job": job, "arguments": arguments}, default=str).decode()


# Usage


def usage(actor: "Actor") -> list[InUse]:
    """Every limit with its value, cap, room and last days. Of the calls of the API, the last day's highest minute."""
    counters = {row.name: row for row in actor.db.execute(text(f"select name, {PRESENT} as value, cap from counter"))}  # noqa: S608
    since = func.current_date() - HISTORY
    noted = actor.db.execute(select(Usage.name, Usage.day, Usage.value).where(Usage.day >= since).order_by(Usage.day))
    history: dict[str, list[tuple[date, int]]] = {}
    for name, day, value in noted:
        history.setdefault(name, []).append((day, value))
    return [in_use(actor, name, counters.get(name), history.get(name, ())) for name in LIMITS]


def in_use(actor: "Actor", name: Limit, counter: Any, history: Iterable[tuple[date, int]]) -> InUse:
    days = tuple(history)
    if name == "api_calls":
        cap = calls_a_minute(actor.workspace.plan)
        value = days[-1][1] if days else 0
    else:
        cap, value = (counter.cap, counter.value) if counter else (None, 0)
    return InUse(name, value, cap, None if cap is None else max(0, cap - value), days)


def calls_a_minute(plan: str) -> int | None:
    """How many calls of the API a plan takes in a minute; None for any number."""
    return None if settings().payments is None else plans().of(plan).cap("api_calls", 0)


# The truth


def truths(session: Session) -> dict[Limit, int]:
    """What the rows themselves say, of every limit whose rows are kept. Counts through whole tables."""
    found: Tally[Limit] = Tally()
    for model in KINDS.values():
        for counted in model.counted:
            found[counted.limit] += session.execute(truth_of(model, counted)).scalar_one()
    return dict(found)


def truth_of(model: type[Record], counted: Counted) -> Any:
    taken = func.coalesce(func.sum(getattr(model, counted.by)), 0) if counted.by else func.count()
    where = (getattr(model, name).is_not_distinct_from(value) for name, value in counted.where.items())
    return select(taken).select_from(model).where(*where)
