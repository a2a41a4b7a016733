"""Push against a service of our own that checks who sends and reads what was encrypted, as a browser would."""

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask, Response, request
from joserfc import jwt
from joserfc.jwk import ECKey
from sqlalchemy import text
from werkzeug.serving import make_server

from config.settings import settings
from core import outbound
from crm.notifications import pushing, webpush
from tests.crm.notifications.office import Office
from tests.crm.people import Desk
from tests.idp import certificates

PETR, EVA = "Petr Malý", "Eva Nová"


@dataclass
class Service:
    """A push service and the browser behind it: `got` are the messages that it could read and whose sender it knew."""

    port: int = 0
    server_key: str = ""
    status: int = 201
    got: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = b"sixteen bytes ok"

    @property
    def endpoint(self) -> str:
        return f"https://localhost:{self.port}/push/1"

    def browser(self, number: int = 1) -> dict[str, str]:
        public = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {
            "endpoint": self.endpoint[:-1] + str(number),
            "p256dh": webpush.encoded(public),
            "auth": webpush.encoded(self.auth),
            "server_key": self.server_key,
        }

    def take(self, number: int) -> Response:
        self.asked += 1
        self.check_sender()
        assert request.headers["Content-Encoding"] == "aes128gcm"
        assert int(request.headers["TTL"]) > 0
        assert number
        if self.status < 300:
            self.got.append(json.loads(self.read(request.get_data())))
        return Response("no word of this may reach anybody", self.status)

    def check_sender(self) -> None:
        """RFC 8292: signed by the key the browser was told, for us, for less than a day."""
        scheme, _space, rest = request.headers["Authorization"].partition(" ")
        given = dict(part.strip().split("=", 1) for part in rest.split(","))
        assert scheme == "vapid"
        assert given["k"] == self.server_key
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), webpush.decoded(given["k"]))
        token = jwt.decode(given["t"], ECKey.import_key(point), algorithms=["ES256"])
        assert token.claims["aud"] == f"https://localhost:{self.port}"
        assert token.claims["sub"].startswith(("mailto:", "https:"))

    def read(self, body: bytes) -> bytes:
        """RFC 8291, the browser's side."""
        salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        sender, sealed = body[21 : 21 + length], body[21 + length :]
        assert len(sealed) <= size <= 4096
        public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        ours = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        shared = self.key.exchange(ec.ECDH(), public)
        secret = HKDF(SHA256(), 32, self.auth, b"WebPush: info\0" + ours + sender).derive(shared)
        key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\0").derive(secret)
        nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\0").derive(secret)
        opened = AESGCM(key).decrypt(nonce, sealed, None).rstrip(b"\0")
        assert opened.endswith(b"\2")
        return opened[:-1]


@pytest.fixture
def service(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    app, made = Flask("push service"), Service()
    app.add_url_rule("/push/<int:number>", view_func=made.take, methods=["POST"])
    certificate, key, authority = certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = make_server("127.0.0.1", 0, app, ssl_context=context, threaded=True)
    made.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    config = office.shop.app.config
    before = config["OKNO"]
    config["OKNO"] = replace(before, inner_hosts=(f"localhost:{made.port}",))
    made.server_key = webpush.public_name(webpush.server_key(before.secret_key))
    yield made
    config["OKNO"] = before
    server.shutdown()
    thread.join()


def agree(office: Office, service: Service, number: int = 1, name: str = PETR) -> Desk:
    desk = Desk.of(office.shop, office.people[name])
    assert desk.send("/notifications/push", **service.browser(number)).status_code == 200
    return desk


def tell(office: Office, name: str = "Call Novák") -> None:
    office.task(name=name, assignee_id=office.id_of(PETR))
    office.work()


def browsers(office: Office) -> int:
    return len(office.shop.rows("select 1 from push_subscription"))


def test_the_standards_own_example_is_encrypted_as_it_says() -> None:
    """RFC 8291, appendix A."""
    number = int.from_bytes(webpush.decoded("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big")
    written = webpush.encrypted(
        b"When I grow up, I want to be a watermelon",
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "BTBZMqHH6r4Tts7J_aSIgg",
        ec.derive_private_key(number, ec.SECP256R1()),
        webpush.decoded("DGv6ra1nlYgDCS1FRnbzlw"),
    )
    assert webpush.encoded(written) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
        "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_a_push_says_what_and_where_to_the_browser_alone(office: Office, service: Service) -> None:
    agree(office, service)
    tell(office)
    assert office.run("notifications.push") == ["notifications.push"]
    (message,) = service.got
    task = office.shop.rows("select id from task")[0].id
    assert message["title"] == "Jana Dvořáková gave you the task Call Novák"
    assert message["url"] == f"/{office.shop.workspace.slug}/tasks/{task}/edit"
    assert message["text"] == "Okna Horák"
    assert len(json.dumps(message)) < 1000


def test_a_job_that_is_repeated_pushes_once_and_only_to_whom_it_failed(office: Office, service: Service) -> None:
    agree(office, service)
    agree(office, service, 2)
    tell(office)
    (row,) = office.rows("job")
    with office.shop.app.app_context():
        service.status = 503
        with pytest.raises(pushing.NotPushed):
            pushing.push(office.place(), **row.payload["arguments"])
        service.status = 201
        for _time in range(3):
            pushing.push(office.place(), **row.payload["arguments"])
    assert len(service.got) == 2
    assert browsers(office) == 2


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_is_gone_is_forgotten(office: Office, service: Service, status: int) -> None:
    agree(office, service)
    service.status = status
    tell(office)
    office.run("notifications.push")
    assert browsers(office) == 0


def test_after_the_log_out_nothing_is_shown_there(office: Office, service: Service) -> None:
    desk = agree(office, service)
    with office.shop.base.controlling() as control:
        control.execute(text("delete from control.sign_in where identity_id = :id"), {"id": office.people[PETR]})
    tell(office)
    office.run("notifications.push")
    assert service.asked == browsers(office) == 0
    assert desk.get("/notifications/").status_code == 303


def test_a_browser_that_another_signs_in_with_is_theirs(office: Office, service: Service) -> None:
    agree(office, service, name=PETR)
    agree(office, service, name=EVA)
    tell(office)
    office.run("notifications.push")
    assert service.got == []
    assert [row.member_id for row in office.shop.rows("select member_id from push_subscription")] == [office.id_of(EVA)]


def test_no_browser_names_a_place_inside(office: Office, service: Service) -> None:
    desk = Desk.of(office.shop, office.people[PETR])
    for endpoint in ("http://localhost/push", "https://user@push.example/1", "ftp://x", "https://localhost:22/x", ""):
        answer = desk.send("/notifications/push", **{**service.browser(), "endpoint": endpoint})
        assert answer.status_code == 422, endpoint
    assert browsers(office) == 0
    inside = {**service.browser(), "endpoint": "https://169.254.169.254/latest/meta-data"}
    assert desk.send("/notifications/push", **inside).status_code == 200, "asked only when it is sent, and refused then"
    tell(office)
    with pytest.raises(pushing.NotPushed):
        office.run("notifications.push")
    with pytest.raises(outbound.Unreachable, match="inside"):
        outbound.post(settings(), inside["endpoint"], b"", {})


def test_keys_that_are_none_are_refused(office: Office, service: Service) -> None:
    desk = Desk.of(office.shop, office.people[PETR])
    for spoiled in ({"p256dh": "x"}, {"p256dh": base64.urlsafe_b64encode(b"\4" + b"\1" * 64).decode()}):
        assert desk.send("/notifications/push", **{**service.browser(), **spoiled}).status_code == 422
    assert browsers(office) == 0


def test_a_browser_told_the_former_key_is_still_reached_while_keys_are_changed(
    office: Office, service: Service
) -> None:
    agree(office, service)
    config = office.shop.app.config
    now = config["OKNO"]
    config["OKNO"] = replace(
        now, secret_key="another key, long enough to be one too", secret_key_fallbacks=(now.secret_key,)
    )
    tell(office)
    office.run("notifications.push")
    assert len(service.got) == 1
    config["OKNO"] = replace(config["OKNO"], secret_key_fallbacks=())
    tell(office, "Another")
    office.run("notifications.push")
    assert len(service.got) == 1
    assert browsers(office) == 0, "it knows us by a key that we have no more"
    config["OKNO"] = now


def test_turning_it_off_forgets_this_browser_of_mine(office: Office, service: Service) -> None:
    desk = agree(office, service)
    other = Desk.of(office.shop, office.people[EVA])
    other.send("/notifications/push/stop", endpoint=service.endpoint)
    assert browsers(office) == 1
    desk.send("/notifications/push/stop", endpoint=service.endpoint)
    assert browsers(office) == 0
