"""Work around the limits: what waits is saved when there is room, and owners are told when one is nearly reached."""

import logging
from uuid import UUID

from flask_babel import force_locale
from flask_babel import gettext as _

from config.plans import Limit
from core import mail, waiting
from core.errors import Refusal
from core.full import NAMES, LimitReached, shown
from core.jobs import Place, job
from core.letters import Letter, here, send
from core.limits import SAVE_WAITING, TELL, Standing, standing
from core.waiting import Waiting
from crm.notifications.telling import tell_members
from tenants.members import NotAMember, acting_member, owners
from tenants.models import Person

log = logging.getLogger(__name__)


@job(SAVE_WAITING)
def save_waiting(place: Place) -> None:
    """The oldest first, each as the member who typed it, until there is no more room. What cannot be saved for another
    reason stays, with the reason."""
    with place.database.workspace(place.here(), reading=True) as session:
        rows = list(session.scalars(waiting.oldest_first().where(Waiting.error == "")))
    for row in rows:
        try:
            save_one(place, row.id, row.member_id)
        except LimitReached:
            return


def save_one(place: Place, row_id: UUID, member_id: UUID) -> None:
    workspace = place.here()
    try:
        with acting_member(place.database, workspace, member_id, "page") as actor, force_locale(actor.member.language):
            try:
                waiting.save(actor, row_id)
            except (LimitReached, waiting.Gone):
                raise
            except Refusal as refusal:
                waiting.note_error(actor, row_id, refusal)
    except waiting.Gone:
        log.info("what waited is saved or thrown away already: %s", row_id)
    except NotAMember:
        with place.database.workspace(workspace) as session, session.begin(), force_locale(workspace.language):
            waiting.set_error(session, row_id, _("Who typed it works here no more. Save it or throw it away."))


@job(TELL, mail.PAUSES)
def tell(place: Place, limit: Limit, level: int, key: str) -> None:
    """A letter to each owner whose address is confirmed, in their language."""
    workspace = place.here()
    with place.database.workspace(workspace, reading=True) as session:
        known, found = owners(session), standing(session, limit)
    if found is None or found.cap is None:
        return
    with place.database.controlling() as control:
        confirmed = {
            owner.id for owner in known if (person := control.get(Person, owner.identity_id)) and person.confirmed_at
        }
    with place.database.workspace(workspace) as session, session.begin(), force_locale(workspace.language):
        title = title_of(limit, level, workspace.name)
        tell_members(session, workspace, "limit", UUID(key), [owner.id for owner in known], title=title)
    url = f"{here().url}/{workspace.slug}/settings/plan"
    for owner in known:
        if owner.id in confirmed:
            with force_locale(owner.language):
                send(letter(workspace.name, limit, level, found, url), owner.email, f"{UUID(key).hex}{owner.id.hex}")


def letter(business: str, limit: Limit, level: int, found: Standing, url: str) -> Letter:
    name, cap = str(NAMES[limit]), found.cap or 0
    used = _("%(limit)s: %(used)s of %(cap)s are in use.",
             limit=name, used=shown(limit, min(found.value, cap)), cap=shown(limit, cap))  # fmt: skip
    subject = title_of(limit, level, business)
    if level == 100:
        rest = _("Everything you have stays and works. Only what is new waits for more room.")
    else:
        rest = _("When all are in use, everything you have stays and works; only what is new waits for more room.")
    return Letter(subject, (used, rest), _("See the plan"), url)


def title_of(limit: Limit, level: int, business: str) -> str:
    if level == 100:
        return str(_("%(limit)s: the plan of %(business)s is full", limit=NAMES[limit], business=business))
    return str(_("%(limit)s: the plan of %(business)s is nearly full", limit=NAMES[limit], business=business))
