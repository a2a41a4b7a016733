"""Periodic work: everything that happens by the clock, in one list. The jobs are declared where their names say."""

from dataclasses import dataclass

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Task:
    """A job by name, each `every` seconds, at multiples of that since 1970 plus `offset` seconds (UTC)."""

    job: str
    every: int
    offset: int = 0


TASKS = (
    Task("tenants.fill_pool", MINUTE),
    Task("limits.check", DAY, offset=10 * MINUTE),
    Task("tenants.tidy", DAY, offset=2 * HOUR),
    Task("absence.by_the_clock", HOUR),
    Task("workspace.erase_due", HOUR, offset=40 * MINUTE),
    Task("export.tidy", HOUR, offset=20 * MINUTE),
    Task("billing.hourly", HOUR),
    Task("notifications.wake", MINUTE),
    Task("mails.receive", MINUTE),
    Task("backup.due", 5 * MINUTE),
    Task("backup.tidy", HOUR, offset=25 * MINUTE),
    Task("backup.drill", 7 * DAY, offset=2 * DAY + 5 * HOUR),
    Task("billing.reconcile", DAY, offset=3 * HOUR),
)
