"""A provider of single sign-on that runs here, over TLS, and a DNS to prove domains by.

The provider is oidc-provider-mock from PyPI. Around it we check PKCE and the client's secret, which it does not, and
let a test twist what it signs: another issuer, audience, time, nonce, algorithm or key. Its certificate is of an
authority of the test, to be trusted by SSL_CERT_FILE.
"""

import base64
import contextlib
import hashlib
import ipaddress
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import dns.flags
import dns.message
import dns.rrset
import oidc_provider_mock
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask, Response, request
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from joserfc.jws import JWSRegistry
from werkzeug.serving import make_server

from tenants import provider

SECRET = "the secret of the client"
CLIENT = "okno"


@dataclass
class Idp:
    """The running provider. `claims` replace those of the next ID tokens (None takes one away), `signing` says how they
    are signed: an algorithm, or "stranger" for a key that the provider does not publish."""

    app: Flask
    port: int
    authority: Path
    keys: dict[str, Any]
    claims: dict[str, Any] = field(default_factory=dict)
    signing: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    challenges: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    @property
    def issuer(self) -> str:
        return f"https://{self.host}"

    def user(self, subject: str, **claims: Any) -> None:
        """What the provider knows of a person."""
        answer = self.app.test_client().put(f"/users/{quote(subject)}", json=claims)
        assert answer.status_code == 204

    def authorize(self, url: str, subject: str, **form: str) -> str:
        """Log in there as this person; returns the path that the browser is sent back to."""
        parts = urlsplit(url)
        assert parts.netloc == self.host
        context = ssl.create_default_context(cafile=str(self.authority))
        connection = HTTPSConnection("localhost", self.port, timeout=5, context=context)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", f"{parts.path}?{parts.query}", urlencode({"sub": subject, **form}), headers)
        answer = connection.getresponse()
        back = urlsplit(answer.getheader("Location") or "")
        connection.close()
        assert answer.status in (302, 303), answer.status
        assert f"{back.scheme}://{back.netloc}" == "http://localhost:8000"
        return f"{back.path}?{back.query}"

    def straight(self) -> None:
        """No twists any more, and nothing is remembered of them."""
        self.claims, self.signing, self.metadata = {}, "", {}
        provider.known.clear()

    def check_token_request(self) -> Response | None:
        """PKCE and the client's secret."""
        verifier = request.form.get("code_verifier", "")
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        given = request.authorization
        known = given is not None and (given.username, given.password) == (CLIENT, SECRET)
        if not known or self.challenges.pop(request.form.get("code", ""), None) != digest:
            return Response('{"error": "invalid_grant"}', 400, content_type="application/json")
        return None

    def before(self) -> Response | None:
        self.asked.append(request.path)
        return self.check_token_request() if request.path == "/oauth2/token" else None

    def after(self, response: Response) -> Response:
        if request.path == "/oauth2/authorize" and response.location:
            code = parse_qs(urlsplit(response.location).query).get("code", [""])[0]
            assert request.args.get("code_challenge_method") == "S256"
            self.challenges[code] = request.args["code_challenge"]
        elif response.status_code == 200 and response.is_json and (found := response.get_json()):
            self.twist(found)
            response.data = json.dumps(found)
        return response

    def twist(self, found: dict[str, Any]) -> None:
        if request.path == "/jwks" and (self.claims or self.signing):
            found["keys"] += [self.keys[name].as_dict(private=False) for name in ("RS256", "ES256")]
        elif request.path == "/.well-known/openid-configuration":
            found |= self.metadata
        elif "id_token" in found and (self.claims or self.signing):
            found["id_token"] = self.signed(found["id_token"])

    def signed(self, original: str) -> str:
        body = original.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))) | self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        name = self.signing or "RS256"
        if name == "none":
            head, said = (encoded(part) for part in ({"alg": "none"}, claims))
            return f"{head}.{said}."
        key = self.keys[name]
        header = {"alg": {"stranger": "RS256"}.get(name, name), "kid": key.kid}
        return jwt.encode(header, claims, key, registry=JWSRegistry(algorithms=["RS256", "ES256", "HS256", "RS512"]))


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


@contextlib.contextmanager
def running_provider(folder: Path) -> Iterator[Idp]:
    certificate, key, authority = certificates(folder)
    app = oidc_provider_mock.app()
    rsa = RSAKey.generate_key(2048, {"kid": "ours-rsa"})
    keys = {
        "RS256": rsa,
        "RS512": rsa,
        "ES256": ECKey.generate_key("P-256", {"kid": "ours-ec"}),
        "HS256": OctKey.import_key(SECRET * 2, {"kid": "ours-rsa"}),
        "stranger": RSAKey.generate_key(2048, {"kid": "ours-rsa"}),
    }
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = make_server("localhost", 0, app, threaded=True, ssl_context=context)
    idp = Idp(app, server.server_port, authority, keys)
    app.before_request(idp.before)
    app.after_request(idp.after)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield idp
    server.shutdown()
    thread.join(5)


def certificates(folder: Path) -> tuple[Path, Path, Path]:
    """A certificate for localhost, its key, and the authority that vouches for it."""
    ours, theirs = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Authority of a test")])
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)

    def made(name: x509.Name, key: ec.EllipticCurvePrivateKey, *, authority: bool) -> x509.Certificate:
        builder = x509.CertificateBuilder(issuer, name, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        if not authority:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(ours, hashes.SHA256())

    paths = folder / "certificate.pem", folder / "key.pem", folder / "authority.pem"
    paths[0].write_bytes(made(subject, theirs, authority=False).public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        theirs.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    paths[2].write_bytes(made(issuer, ours, authority=True).public_bytes(serialization.Encoding.PEM))
    return paths


@dataclass
class Dns:
    """A name server: its address, and the TXT records it has. A name in `broken` gets no answer that helps."""

    address: str
    records: dict[str, list[str]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)


@contextlib.contextmanager
def running_dns() -> Iterator[Dns]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        door.settimeout(0.05)
        server = Dns(f"127.0.0.1:{door.getsockname()[1]}")
        ended = threading.Event()
        thread = threading.Thread(target=serve, args=(door, server, ended), daemon=True)
        thread.start()
        yield server
        ended.set()
        thread.join(5)


def serve(door: socket.socket, server: Dns, ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            data, whence = door.recvfrom(2000)
        except TimeoutError:
            continue
        question = dns.message.from_wire(data)
        name = question.question[0].name
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA
        texts = server.records.get(name.to_text(omit_final_dot=True), [])
        if name.to_text(omit_final_dot=True) in server.broken:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif texts:
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", *(f'"{text}"' for text in texts)))
        else:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        door.sendto(answer.to_wire(), whence)


def past(seconds: int) -> int:
    """A time that is over, as tokens have it."""
    return int(time.time()) - seconds
