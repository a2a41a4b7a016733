"""What the service does for itself: ready workspaces in the pool, and old rows swept out."""

from sqlalchemy import text

from core.jobs import Place, job
from tenants.directory import catalogue, on_its_own

READY = 20

OLD = (
    "delete from control.sign_in where seen_at < now() - interval '7 days' or created_at < now() - interval '30 days'",
    "delete from control.waiting_sign_in where created_at < now() - interval '1 day'",
    "delete from control.passkey_challenge where created_at < now() - interval '1 day'",
    "delete from control.sign_on_trip where created_at < now() - interval '1 day'",
    "delete from control.known_device where seen_at < now() - interval '1 year'",
    "delete from control.failed_code where at < now() - interval '1 day'",
    "delete from control.failed_sign_in where at < now() - interval '1 day'",
    "delete from control.mailed_link where expires_at < now() - interval '30 days'",
    "delete from control.periodic_run where due < now() - interval '7 days'",
)


@job("tenants.fill_pool")
def fill_pool(place: Place) -> None:
    """Make workspaces until READY wait for a sign-up, each in a transaction of its own."""
    for _ in range(READY):
        with place.database.controlling() as control:
            ready = control.scalar(text("select count(*) from control.workspace where state = 'ready'"))
            if (ready or 0) >= READY:
                return
            control.execute(text("select control.provision()"))


@job("tenants.tidy", queue="bulk")
def tidy(place: Place) -> None:
    """Sweep out sessions, links and answers that are past their time."""
    with place.database.controlling() as control:
        for statement in OLD:
            control.execute(text(statement))
        rows = [row for row in catalogue(control) if row.state == "open"]
    for row in rows:
        with on_its_own(row) as workspace, place.database.workspace(workspace) as session, session.begin():
            session.execute(text("delete from idempotent_answer where at < now() - interval '1 day'"))
            session.execute(text("delete from done where at < now() - interval '30 days'"))
            session.execute(text("delete from notification where at < now() - interval '90 days'"))
