"""A client at a web form: opens its page, does its work, sends it."""

import hashlib
import random
import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from config.settings import settings
from core.signing import sign
from crm.forms.models import Form
from tests.shop import Shop


@dataclass
class Client:
    shop: Shop
    form_key: str
    http: FlaskClient = field(init=False)

    def __post_init__(self) -> None:
        self.http = self.shop.app.test_client()
        self.http.environ_base["REMOTE_ADDR"] = ".".join(str(random.randint(1, 250)) for _ in range(4))

    @classmethod
    def of(cls, shop: Shop, form: Form) -> "Client":
        return cls(shop, form.key)

    @property
    def path(self) -> str:
        return f"/f/{self.shop.workspace.id}-{self.form_key}"

    def open(self, query: str = "") -> TestResponse:
        return self.http.get(f"{self.path}{query}")

    def token(self, page: TestResponse | None = None, age: int = 60) -> str:
        """That of a page, as if it had been opened so many seconds ago."""
        found = re.search(r'name="token" value="([^"]+)"', (page or self.open()).get_data(as_text=True))
        assert found
        identifier, at, bits, _signature = unescape(found[1]).split(".")
        said = f"{identifier}.{int(at) - age}.{bits}"
        return f"{said}.{sign(settings(), f'form {self.form_key}', said)}"

    def send(
        self, token: str | None = None, *, work: str | None = None, query: str = "", **values: Any
    ) -> TestResponse:
        token = token or self.token()
        given = {"token": token, "work": worked(token) if work is None else work, **values}
        return self.http.post(f"{self.path}{query}", data=given)


def worked(token: str) -> str:
    bits = int(token.split(".")[2])
    number = 0
    while int.from_bytes(hashlib.sha256(f"{token}:{number}".encode()).digest()) >> (256 - bits):
        number += 1
    return str(number)
