"""Mail against a real SMTP server, and into the local mailbox."""

import datetime
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from config.settings import Settings, Smtp, settings
from core import mail
from core.mail import Message, NotSent, Undeliverable
from tests.smtp import Inbox

LETTER = Message(
    "0198-key", "jana@example.com", "Potvrďte svůj e-mail", "Dobrý den,\n\nřádek\n", "<p>Dobrý <b>den</b></p>"
)


Serve = Callable[..., tuple[Inbox, Settings]]


@pytest.fixture
def serve(installed: None) -> Iterator[Serve]:
    """Start a server; returns it and settings that name it."""
    running: list[Controller] = []

    def start(
        security: str = "none", user: str | None = None, password: str | None = None, **options: Any
    ) -> tuple[Inbox, Settings]:
        handler = Inbox()
        controller = Controller(handler, hostname="127.0.0.1", port=0, **options)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            controller.port = probe.getsockname()[1]
        controller.start()
        running.append(controller)
        server = Smtp("127.0.0.1", controller.port, security, user, password)  # type: ignore[arg-type]
        return handler, replace(settings(), smtp=server)

    yield start
    for controller in running:
        controller.stop(no_assert=True)


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A certificate for 127.0.0.1 that this process trusts, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_message_arrives_as_text_and_html_with_a_lasting_message_id(serve: Serve) -> None:
    server, here = serve()
    mail.send(LETTER, here)
    mail.send(LETTER, here)
    first, second = (parsed(envelope) for envelope in server.got)
    assert server.got[0].rcpt_tos == ["jana@example.com"]
    assert first["Message-ID"] == second["Message-ID"] == "<0198-key@localhost>"
    assert first["Subject"] == "Potvrďte svůj e-mail"
    assert first["From"] == "Okno <okno@localhost>"
    assert first["Auto-Submitted"] == "auto-generated"
    text, html = first.get_body(("plain",)), first.get_body(("html",))
    assert text is not None
    assert html is not None
    assert "řádek" in text.get_content()
    assert "<b>den</b>" in html.get_content()


@pytest.mark.parametrize("answer", ["550 no such mailbox", "554 5.7.1 refused"])
def test_a_recipient_refused_for_good_is_undeliverable_and_named_nowhere(serve: Serve, answer: str) -> None:
    server, here = serve()
    server.to_recipient = answer
    with pytest.raises(Undeliverable) as refusal:
        mail.send(LETTER, here)
    assert "jana" not in str(refusal.value)
    assert answer[:3] in str(refusal.value)


@pytest.mark.parametrize("answer", ["450 greylisted, come later", "452 too many"])
def test_a_recipient_refused_for_now_is_tried_again(serve: Serve, answer: str) -> None:
    server, here = serve()
    server.to_recipient = answer
    with pytest.raises(NotSent):
        mail.send(LETTER, here)


def test_a_text_refused_for_good_is_undeliverable_and_for_now_is_not(serve: Serve) -> None:
    server, here = serve()
    server.to_data = "552 too large"
    with pytest.raises(Undeliverable):
        mail.send(LETTER, here)
    server.to_data = "451 try later"
    with pytest.raises(NotSent):
        mail.send(LETTER, here)


def test_a_server_that_is_away_or_silent_is_tried_again(installed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        here = replace(settings(), smtp=Smtp("127.0.0.1", silent.getsockname()[1], "none"))
        with pytest.raises(NotSent):
            mail.send(LETTER, here)
        silent.listen()
        monkeypatch.setattr(mail, "TIMEOUT", 0.3)
        with pytest.raises(NotSent):
            mail.send(LETTER, here)


def test_starttls_and_the_password_are_used_where_the_settings_say_so(serve: Serve, certificate: Path) -> None:
    asked: list[tuple[bytes, bytes]] = []

    def known(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        assert isinstance(given, LoginPassword)
        asked.append((given.login, given.password))
        return AuthResult(success=given.password == b"secret", handled=False)

    options = {"tls_context": server_context(certificate), "authenticator": known, "auth_required": True}
    server, here = serve("starttls", "okno", "secret", require_starttls=True, **options)
    mail.send(LETTER, here)
    assert asked == [(b"okno", b"secret")]
    assert len(server.got) == 1
    assert here.smtp
    with pytest.raises(NotSent):  # a password of ours that is wrong can be mended while the mail waits
        mail.send(LETTER, replace(here, smtp=replace(here.smtp, password="wrong")))
    assert len(server.got) == 1


def test_without_the_encryption_the_settings_demand_nothing_is_sent(serve: Serve) -> None:
    server, here = serve("starttls", "okno", "secret")
    with pytest.raises((NotSent, Undeliverable)):
        mail.send(LETTER, here)
    assert server.got == []


def test_a_certificate_nobody_vouches_for_is_refused(
    serve: Serve, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, here = serve("starttls", tls_context=server_context(certificate))
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(NotSent):
        mail.send(LETTER, here)
    assert server.got == []


def test_a_line_break_in_a_header_is_refused(serve: Serve) -> None:
    server, here = serve()
    with pytest.raises(ValueError, match="linefeed"):
        mail.send(replace(LETTER, to="jana@example.com\r\nBcc: all@example.com"), here)
    assert server.got == []


def test_without_a_server_mail_goes_to_the_local_mailbox(installed: None, tmp_path: Path) -> None:
    here = replace(settings(), smtp=None, home=tmp_path / "home")
    mail.send(LETTER, here)
    box = mail.local_mailbox(here)
    (key,) = list(box.iterkeys())
    kept = message_from_bytes(box.get_bytes(key), _class=EmailMessage, policy=policy.default)
    assert kept["To"] == "jana@example.com"
    assert kept["Subject"] == "Potvrďte svůj e-mail"


def parsed(envelope: Envelope) -> EmailMessage:
    content = envelope.content
    assert isinstance(content, bytes)
    return message_from_bytes(content, _class=EmailMessage, policy=policy.default)
