"""The page a day begins with."""

from datetime import datetime

from core.actor import Actor
from core.pages import Pages, render, today_of, zone_of
from crm.absences.queries import taken_over
from crm.tasks.due import SOON
from crm.tasks.pages import finished
from crm.tasks.queries import agenda, grouped
from crm.today.queries import without_next_step

pages = Pages("today", __name__)


@pages.get("/today")
def index(actor: Actor) -> str:
    """What is late, today's, of the next days; and steps that a process waits for, though they have no day."""
    groups = grouped(agenda(actor, days=SOON))
    open_groups = {name: items for name, items in groups.items() if name != "done"}
    stalled, stalled_count = without_next_step(actor)
    return render(
        actor,
        "today/index.html",
        today=today_of(actor),
        now=datetime.now(zone_of(actor)),
        groups=open_groups,
        done=groups["done"],
        todo=sum(map(len, open_groups.values())),
        late=len(groups["late"]),
        taken_over=taken_over(actor),
        stalled=stalled,
        stalled_count=stalled_count,
        after=finished(actor),
    )
