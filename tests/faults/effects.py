"""What follows from a change in these runs: a mark in the task itself, which would show twice, and a mail.

Loaded into every process of the Okno under test (tests.faults.running).
"""

import os
import signal
from typing import Any

from sqlalchemy import text

from config.settings import settings
from core import mail
from core.jobs import Place, job, later, once
from core.outbox import subscribe

POISON = "faults.poison"
MARK = text("""
update task set about = about || 'x' from event
where event.id = any(cast(:events as uuid[])) and task.id = event.record_id and task.name like 'load %'
returning task.id
""")


@subscribe("faults.mark")
def mark(place: Place, payload: dict[str, Any]) -> None:
    if payload["action"] != "task.create":
        return
    with place.database.workspace(place.here()) as session, session.begin():
        if once(session, "faults.mark", place.work_id):
            for task_id in session.scalars(MARK, {"events": payload["events"]}).all():
                later(session, "faults.mail", task_id=task_id)


@job("faults.mail", (3,) * 300, queue="urgent")  # sooner than real mail, and for as long as the server may be shut
def write(place: Place, task_id: str) -> None:
    mail.send(mail.Message(task_id, "jana@example.com", "Task", "A task.\n", "<p>A task.</p>"), settings())


@job(POISON)
def poison(place: Place) -> None:
    """Ends the child it runs in, every time."""
    os.kill(os.getpid(), signal.SIGKILL)
