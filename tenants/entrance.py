"""Who may enter a workspace by a browser: the one place that asks, at every request, whatever the way in was.

Password, passkey, reset, invitation and single sign-on all end in a session, and every page and live stream opens a
session here. So a rule of the workspace holds for each of them and for sessions that are older than the rule.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from flask_babel import lazy_gettext as _l

from core.actor import Actor, Member
from core.db import Database, Workspace
from core.errors import Forbidden
from tenants import factors
from tenants.members import acting_identity
from tenants.sessions import SignedIn


class OtherWorkspace(Forbidden):
    """The session was begun by another workspace's single sign-on, and is worth nothing here."""

    title = _l("You are logged in to another workspace alone")

    def __init__(self) -> None:
        super().__init__(_l("Log in again to enter this one."))


class NeedsSingleSignOn(Forbidden):
    """The workspace is entered by single sign-on alone, and this session is of another kind."""

    title = _l("This workspace is entered by single sign-on")

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(_l("Log in there, then come back."))
        self.workspace_id = workspace.id


@contextmanager
def entering(
    database: Database,
    workspace: Workspace,
    person: SignedIn,
    request_id: str = "",
    *,
    address: str = "",
    reading: bool = False,
) -> Iterator[Actor]:
    """The Actor of the member behind a session. Raises NotAMember, OtherWorkspace, NeedsSingleSignOn,
    NeedsSecondFactor."""
    if person.workspace_id not in (None, workspace.id):
        raise OtherWorkspace()
    with acting_identity(
        database, workspace, person.identity_id, "page", request_id, person.confirmed, address=address, reading=reading
    ) as actor:
        check(database, workspace, actor.member, person)
        yield actor


def check(database: Database, workspace: Workspace, member: Member, person: SignedIn) -> None:
    """Whom the provider vouches for has shown there what it asks. Owners keep their password as a way back in, for the
    day the provider fails."""
    if person.workspace_id is not None:
        if workspace.single_sign_on == "off":
            raise OtherWorkspace()
        return
    if demanded(workspace) and member.role != "owner":
        raise NeedsSingleSignOn(workspace)
    factors.check_demanded(database, workspace, member)


def demanded(workspace: Workspace) -> bool:
    """Whether nobody but owners comes in otherwise."""
    return workspace.single_sign_on == "only"


def offered(workspace: Workspace) -> bool:
    """Whether the log-in shows the way to the provider."""
    return workspace.single_sign_on != "off"
