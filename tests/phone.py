"""What people hold besides their password: a phone with an app for codes, and a device that keeps passkeys.

The device is made of the same bytes as a real one, so that a test can have it lie.
"""

import hashlib
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any

import pyotp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url, encode_cbor

from core.ids import new_id
from tests.shop import csrf
from tests.visitor import Visitor

PRESENT, VERIFIED, WITH_KEY = 1, 4, 64  # flags
APP = "/account/second-factor/app"


@dataclass
class App:
    """A phone's app. `codes` are the recovery codes that came with it."""

    owner: Visitor
    secret: str
    codes: list[str]

    @classmethod
    def set_up(cls, owner: Visitor) -> "App":
        """By the pages, as its owner does it."""
        page = owner.get(APP).text
        (secret,) = re.findall(r'data-copy-target="text">([A-Z2-7 ]+)<', page)
        (kept,) = re.findall(r'name="kept" value="([^"]+)"', page)
        app = cls(owner, secret.replace(" ", ""), [])
        answer = owner.post(APP, kept=kept, code=app.code())
        assert answer.status_code in (200, 303), answer.text
        app.codes = re.findall(r"<code>(\w{5}-\w{5})</code>", answer.text)
        return app

    def code(self, steps: int = 0) -> str:
        """The code shown now, or some steps of half a minute from now."""
        return pyotp.TOTP(self.secret).at(int(time.time()) + 30 * steps)

    def new_code(self) -> str:
        """The present code, as if none had been used."""
        self.owner.change("update control.totp set last_step = 0 where identity_id = :me")
        return self.code()


@dataclass
class Key:
    """A passkey on a device. The values may be changed to what a forger would say."""

    origin: str = "http://localhost:8000"
    host: str = "localhost"
    flags: int = PRESENT | VERIFIED
    count: int = 0
    credential: bytes = field(default_factory=lambda: new_id().bytes)
    owner: bytes = b""

    def __post_init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())

    @classmethod
    def added(cls, owner: Visitor, name: str = "Laptop", **values: Any) -> "Key":
        """By the pages, as its owner does it."""
        key = cls(**values)
        answer = key.add(owner, name)
        assert answer.status_code in (200, 303), answer.text
        return key

    def add(self, owner: Visitor, name: str = "Laptop") -> Any:
        told = owner.ask("/account/passkeys/ask", form_at="/account/passkeys/new")
        return owner.post("/account/passkeys", form_at="/account/passkeys/new", name=name, passkey=self.make(told))

    def make(self, told: Any) -> str:
        """The browser's answer when it was told to make a passkey, as the form sends it."""
        self.owner = base64url_to_bytes(told["user"]["id"])
        numbers = self.private.public_key().public_numbers()
        public = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        known = bytes(16) + len(self.credential).to_bytes(2, "big") + self.credential + encode_cbor(public)
        attested = {"fmt": "none", "attStmt": {}, "authData": self.state(WITH_KEY) + known}
        return self.answer(
            clientDataJSON=self.said("webauthn.create", told["challenge"]), attestationObject=encode_cbor(attested)
        )

    def sign(self, told: Any) -> str:
        """The browser's answer when it was told to ask for a passkey."""
        self.count += 1
        said, state = self.said("webauthn.get", told["challenge"]), self.state()
        signature = self.private.sign(state + hashlib.sha256(said).digest(), ec.ECDSA(hashes.SHA256()))
        return self.answer(clientDataJSON=said, authenticatorData=state, signature=signature, userHandle=self.owner)

    def said(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def state(self, further: int = 0) -> bytes:
        host = hashlib.sha256(self.host.encode()).digest()
        return host + bytes([self.flags | further]) + self.count.to_bytes(4, "big")

    def answer(self, **response: bytes) -> str:
        name = bytes_to_base64url(self.credential)
        parts = {part: bytes_to_base64url(value) for part, value in response.items()}
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": parts})

    def log_in(self, visitor: Visitor, **fields: str) -> Any:
        """By the passkey alone."""
        told = visitor.ask("/login/passkey/ask", form_at="/login")
        return visitor.post("/login/passkey", form_at="/login", passkey=self.sign(told), **fields)


def confirmed(app: Any) -> Visitor:
    """Somebody with a confirmed account, logged in."""
    known = Visitor(app)
    known.sign_up()
    known.post(known.link())
    return known


def by_password(visitor: Visitor) -> Visitor:
    """The same person in another browser, who has given the password and no more."""
    other = visitor.fresh()
    answer = other.log_in()
    assert answer.location == "/login/second", answer.location
    return other


def second(visitor: Visitor, code: str) -> Any:
    return visitor.post("/login/second", code=code)


def token_of(visitor: Visitor, page: str) -> str:
    return csrf(visitor.client, page)
