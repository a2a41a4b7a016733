"""Contacts, companies and forms in the hands of a test."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from crm.companies import actions as companies
from crm.companies.models import Company
from crm.contacts import actions as contacts
from crm.contacts.models import Contact
from tests.shop import Shop, csrf

# Texts that would run, or break out, where a page forgets to escape. None may appear in a page as it stands.
RUNNING = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "'-alert(3)-'<svg/onload=alert(3)>",
    "</textarea></title><iframe src=javascript:alert(4)>",
    "{{ 7 * 7 }}<b>%(name)s</b>",
)
HARMFUL = ("<script>alert", "<img src=x", "<svg/onload", "<iframe src", "<b>%(name)s")


def contact(shop: Shop, **values: Any) -> Contact:
    with shop.acting() as actor:
        return contacts.create(actor, contacts.create.parse({"first_name": "Jan", **values}))


def company(shop: Shop, **values: Any) -> Company:
    with shop.acting() as actor:
        return companies.create(actor, companies.create.parse({"name": "Novák a syn", **values}))


@dataclass
class Desk:
    """A signed-in member at their browser. Paths are inside the workspace."""

    shop: Shop
    client: FlaskClient

    @classmethod
    def of(cls, shop: Shop, identity_id: UUID | None = None) -> "Desk":
        return cls(shop, shop.browser(identity_id))

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(self.shop.path(path), headers={key.replace("_", "-"): it for key, it in headers.items()})

    def page(self, path: str) -> str:
        answer = self.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return answer.get_data(as_text=True)

    def send(self, path: str, **values: Any) -> TestResponse:
        """A form as the browser sends it; a list is several fields of one name."""
        token = csrf(self.client, self.shop.path("/find"))
        return self.client.post(self.shop.path(path), data={"csrf_token": token, **values})
