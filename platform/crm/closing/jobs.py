"""Letters about a workspace that was closed: that it was, and the certificate when it is erased."""

from uuid import UUID

from flask_babel import force_locale, format_date
from flask_babel import gettext as _

from core import mail
from core.jobs import Place, job
from core.letters import Letter, here, send
from crm.closing.certificates import address_of
from tenants.closing import LETTER, closing_of
from tenants.directory import as_workspace
from tenants.erasure import CERTIFICATE
from tenants.members import owners
from tenants.models import Certificate, Person, WorkspaceRow


@job(LETTER, mail.PAUSES)
def tell_owners(place: Place, workspace_id: int) -> None:
    """To every owner whose address is confirmed: that it is closed, by whom, and until when it can be brought back."""
    with place.database.controlling() as control:
        row = control.get(WorkspaceRow, workspace_id)
        if row is None:
            return
        workspace = as_workspace(row)
        state = closing_of(control, workspace)
    if state is None:
        return
    with place.database.workspace(workspace, reading=True) as session:
        known = owners(session)
        session.expunge_all()
    with place.database.controlling() as control:
        known = [one for one in known if (person := control.get(Person, one.identity_id)) and person.confirmed_at]
    for owner in known:
        with force_locale(owner.language):
            until = format_date(state.erase_at, "long")
            letter = Letter(
                _("%(business)s is closed", business=workspace.name),
                (
                    _("%(name)s has closed the workspace. Nobody works in it any more, and what it pays for ends now.",
                      name=state.closed_by),
                    _("Until %(day)s an owner can bring it back or take its data along. Then everything is erased.",
                      day=until),
                ),
                _("Look at it"),
                f"{here().url}/{workspace.slug}/closing",
            )  # fmt: skip
            send(letter, owner.email, f"closing-{workspace_id}-{state.closed_at:%Y%m%d%H%M}-{owner.id.hex}")


@job(CERTIFICATE, mail.PAUSES)
def mail_certificate(place: Place, certificate_id: str) -> None:
    """To whoever owned the workspace; then their addresses are forgotten too. Who has it already is not known after a
    crash: the Message-ID is."""
    with place.database.controlling() as control:
        certificate = control.get(Certificate, UUID(certificate_id))
    if certificate is None:
        return
    for number, owner in enumerate(certificate.owners):
        with force_locale(owner["language"]):
            letter = Letter(
                _("%(business)s is erased", business=certificate.name),
                (
                    _("The workspace %(address)s and everything in it is erased, as was said when it was closed.",
                      address=certificate.address),
                    _("The certificate says what was erased, by whom it was closed, and when."),
                ),
                _("See the certificate"),
                address_of(here(), certificate),
            )  # fmt: skip
            send(letter, owner["email"], f"certificate-{certificate.id.hex}-{number}")
    with place.database.controlling() as control:
        control.get_one(Certificate, certificate.id).owners = []
