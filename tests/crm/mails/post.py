"""Mail in the hands of a test: written by members, handed over by the jobs, answered by clients."""

from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any
from uuid import UUID

from config.settings import Settings
from core.jobs import JOBS, Place
from crm.contacts import actions as contacts
from crm.mails import actions
from crm.mails.addresses import address
from crm.mails.models import Mail
from tests.shop import Shop
from tests.smtp import Inbox


@dataclass
class Post:
    shop: Shop
    config: Settings
    arrived: Inbox

    def contact(self, **values: Any) -> Any:
        with self.shop.acting() as actor:
            given = {"first_name": "Jan", "last_name": "Novák", "emails": [{"address": "jan@example.com"}], **values}
            return contacts.create(actor, contacts.create.parse(given))

    def writes(self, identity_id: UUID | None = None, **values: Any) -> Mail:
        """A mail of a member, about a fresh contact if about nobody else."""
        if not values.keys() & {"contact_id", "deal_id", "answers_id"}:
            values["contact_id"] = self.contact().id
        given = {"to": "jan@example.com", "subject": "Your windows", "body": "Dobrý den,\npošleme nabídku.", **values}
        with self.shop.acting(identity_id) as actor:
            mail: Mail = actions.send(actor, actions.send.parse(given))
            return mail

    def sends(self, mail: Mail) -> None:
        place = Place(self.shop.base, self.shop.workspace, 1, lambda: True)
        JOBS["mails.send"](place, mail_id=str(mail.id))

    def address(self, mail: Mail) -> str:
        return address(self.config, self.shop.workspace, mail.thread_id)

    def answer(self, mail: Mail, text: str = "Děkuji, beru.", **headers: str) -> EmailMessage:
        written = EmailMessage(policy=SMTP)
        written["From"] = headers.pop("From", "Jan Novák <jan@example.com>")
        written["To"] = headers.pop("To", self.address(mail))
        written["Subject"] = headers.pop("Subject", "Re: Your windows")
        for name, value in headers.items():
            written[name.replace("_", "-")] = value
        written.set_content(text)
        return written

    def rows(self) -> list[Any]:
        return self.shop.rows("select * from mail order by at, id")
