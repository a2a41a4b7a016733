"""A business signs up: an identity, a workspace out of the pool, its roles and first member, in well under a second.

Order matters, since the shared tables and the workspace never share a transaction: the address is taken first (state
`opening`), then the workspace is furnished, then it opens. A crash between leaves an address nobody can enter, which
`okno workspace list` shows and the same sign-up, tried again, takes up.
"""

from collections.abc import Callable

from flask_babel import gettext as _
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.access import ROLES, scopes_in
from core.actor import Actor
from core.db import Database, Workspace
from core.errors import Invalid
from core.limits import first_caps, set_caps
from core.text import slug as slug_of
from tenants import members
from tenants.directory import as_workspace
from tenants.models import Person, Role, WorkspaceRow

RESERVED = frozenset(
    "about account accounts admin api app apps assets auth billing blog cdn certificate confirm contact cs demo "
    "dev docs download email en f favicon.ico forgot ftp healthz help home imap invite live login logout mail "
    "manifest.webmanifest news oauth okno operator password pop pricing privacy q quote reset robots.txt root "
    "sales scim security service-worker.js settings signup smtp sso static status stream stripe support system "
    "team telephone terms test unsubscribe user users webhooks wiki www".split()
)

Furnish = Callable[[Actor, str], object]


def check_slug(value: str) -> str:
    """A workspace address as it may stand in the URL. Raises Invalid for the field `slug`."""
    address = slug_of(value)
    if len(address) < 3:
        raise Invalid(("slug", _("Use at least three letters or digits.")))
    if address in RESERVED:
        raise Invalid(("slug", _("This address is reserved. Choose another.")))
    return address


def free_slug(control: Session, wanted: str) -> str:
    """The wanted address, or with the lowest number that makes it free."""
    base = wanted
    taken = set(control.scalars(select(WorkspaceRow.slug).where(WorkspaceRow.slug.startswith(base))))
    number = 1
    while wanted in taken or wanted in RESERVED:
        number += 1
        wanted = f"{base}-{number}"
    return wanted


def open_workspace(
    database: Database,
    person: Person,
    *,
    slug: str,
    name: str,
    industry: str,
    language: str,
    time_zone: str,
    country: str,
    currency: str,
    furnish: Furnish,
) -> Workspace:
    """A workspace ready and open, with this person as its owner. Raises Invalid where the address is taken.

    `furnish(actor, industry)` puts what an industry needs into it, in the owner's name.
    """
    with database.controlling() as control:
        row = claim(control, slug)
        row.name, row.industry, row.language = name, industry, language
        row.time_zone, row.country, row.currency = time_zone, country, currency
        control.flush()
        workspace = as_workspace(row)
        members.enter_directory(control, person.id, row.id)
    with database.workspace(workspace) as session, session.begin():
        set_caps(session, first_caps())
        session.add_all(Role(key=key, rights=rights, scopes=scopes_in(rights)) for key, rights in ROLES.items())
        session.flush()
        members.join(session, person.id, person.name, person.email, "owner", language, time_zone)
    with members.acting_identity(database, workspace, person.id, "job") as actor, actor.transaction():
        furnish(actor, industry)
    with database.controlling() as control:
        control.execute(update(WorkspaceRow).where(WorkspaceRow.id == workspace.id).values(state="open"))
    return workspace


def claim(control: Session, slug: str) -> WorkspaceRow:
    """Take one ready workspace from the pool by one UPDATE; where the pool is empty, make one now."""
    try:
        taken = take_ready(control, slug)
        if taken is None:
            control.execute(text("select control.provision()"))
            taken = take_ready(control, slug)
    except IntegrityError:
        raise Invalid(("slug", _("This address is taken. Choose another."))) from None
    if taken is None:
        raise RuntimeError("no workspace could be made")
    return control.scalars(select(WorkspaceRow).where(WorkspaceRow.id == taken)).one()


def take_ready(control: Session, slug: str | None) -> int | None:
    ready = (
        select(WorkspaceRow.id)
        .where(WorkspaceRow.state == "ready")
        .order_by(WorkspaceRow.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    taken = update(WorkspaceRow).where(WorkspaceRow.id == ready)
    return control.scalar(taken.values(slug=slug, state="opening", taken_at=func.now()).returning(WorkspaceRow.id))
