"""Mail about accounts, sent after the change it speaks of, in the language of the person.

Whether an address has an account is asked only here, in the worker, so that no page takes longer for a known address
than for an unknown one. The same job started again makes the same link and the same Message-ID.
"""

from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from flask_babel import force_locale, format_datetime
from sqlalchemy.orm import Session

from core import letters as letter_kit
from core import mail
from core.ids import new_id
from core.jobs import Place, job, later
from core.letters import Letter, here
from crm.accounts import letters
from crm.notifications.telling import tell_members
from tenants import identities, links
from tenants.directory import workspaces_of
from tenants.members import of_identity
from tenants.models import MailedLink, Person


def ask_to_confirm(control: Session, person: Person) -> None:
    """A link for the address that was claimed at the sign-up."""
    later(control, "account.confirm", identity_id=person.id, link_id=new_id())


def offer_reset(control: Session, email: str) -> None:
    """A link for a new password, where somebody has this address."""
    later(control, "account.reset", email=email, link_id=new_id())


def ask_new_address(control: Session, link: MailedLink) -> None:
    later(control, "account.email", link_id=link.id)


def tell_password_changed(control: Session, person: Person) -> None:
    later(control, "account.password_changed", identity_id=person.id, key=new_id())


def tell_former_address(control: Session, person: Person, former: str) -> None:
    later(control, "account.email_changed", identity_id=person.id, former=former, key=new_id())


def tell_new_device(control: Session, person: Person, device: str, address: str) -> None:
    seen = datetime.now(UTC).isoformat()
    later(control, "account.new_device", identity_id=person.id, device=device, address=address, seen=seen, key=new_id())


@job("account.confirm", mail.PAUSES, queue="urgent")
def send_confirm(place: Place, identity_id: str, link_id: str) -> None:
    config = here()
    with place.database.controlling() as control:
        person = control.get(Person, UUID(identity_id))
        if person is None or person.confirmed_at:
            return
        account = identities.account_of(control, person.email)
        link = links.make(control, "confirm", person, person.email, UUID(link_id))
    url = links.address(link, config)
    with force_locale((account or person).language):
        letter = letters.known(url, f"{config.url}/forgot") if account else letters.confirm(url)
        send(letter, link.email, link_id, link)


@job("account.reset", mail.PAUSES, queue="urgent")
def send_reset(place: Place, email: str, link_id: str) -> None:
    with place.database.controlling() as control:
        person = identities.owner_of(control, email)
        if person is None:
            return
        link = links.make(control, "reset", person, person.email, UUID(link_id))
    with force_locale(person.language):
        send(letters.reset(links.address(link, here())), link.email, link_id, link)


@job("account.email", mail.PAUSES, queue="urgent")
def send_new_address(place: Place, link_id: str) -> None:
    with place.database.controlling() as control:
        link = control.get(MailedLink, UUID(link_id))
        if link is None:
            return
        person = control.get_one(Person, link.identity_id)
        taken = identities.account_of(control, link.email)
    with force_locale((taken or person).language):
        url = f"{here().url}/login" if taken else links.address(link, here())
        send(letters.email_taken(url) if taken else letters.change_email(url), link.email, link_id, link)


@job("account.password_changed", mail.PAUSES, queue="urgent")
def send_password_changed(place: Place, identity_id: str, key: str) -> None:
    with place.database.controlling() as control:
        person = control.get(Person, UUID(identity_id))
    if person:
        with force_locale(person.language):
            send(letters.password_changed(f"{here().url}/forgot"), person.email, key)


@job("account.email_changed", mail.PAUSES, queue="urgent")
def send_email_changed(place: Place, identity_id: str, former: str, key: str) -> None:
    with place.database.controlling() as control:
        person = control.get(Person, UUID(identity_id))
    if person:
        with force_locale(person.language):
            send(letters.email_changed(), former, key)


@job("account.new_device", mail.PAUSES, queue="urgent")
def send_new_device(place: Place, identity_id: str, device: str, address: str, seen: str, key: str) -> None:
    with place.database.controlling() as control:
        person = control.get(Person, UUID(identity_id))
        workspaces = workspaces_of(control, UUID(identity_id))
    if person is None:
        return
    for workspace in workspaces:
        with place.database.workspace(workspace) as session, session.begin():
            member = of_identity(session, person.id)
            if member:
                tell_members(session, workspace, "new_device", UUID(key), [member.id], title=f"{device}, {address}")
    with force_locale(person.language):
        here_and_then = datetime.fromisoformat(seen).astimezone(ZoneInfo(person.time_zone))
        when = format_datetime(here_and_then, "long", rebase=False)
        send(letters.new_device(device, address, when, f"{here().url}/account/#sessions"), person.email, key)


def send(letter: Letter, to: str, key: str, link: MailedLink | None = None) -> None:
    """Hand the letter over, unless its link has been used or is too old by now."""
    if link and (link.used_at or link.expires_at < datetime.now(UTC)):
        return
    letter_kit.send(letter, to, key)
