"""Web push: what a browser's push service asks of whoever sends (RFC 8030), by two keys.

The message is encrypted for the browser (RFC 8291), so that its service carries what it cannot read; and we show who we
are by a signature (VAPID, RFC 8292), by the key that the browser was told when it agreed. That key is computed from the
secret key, so it is kept nowhere; while the secret key is being changed, browsers know us by the former one.
"""

import base64
import hashlib
import hmac
import os
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import ECKey

from config.settings import Settings

CURVE = ec.SECP256R1()
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
RECORD = 4096  # bytes; the whole message is one record
SIGNED_FOR = 12 * 3600  # seconds; services refuse more than a day


def server_key(secret_key: str) -> ec.EllipticCurvePrivateKey:
    """Our key pair, from the secret key of the settings."""
    digest = hmac.digest(secret_key.encode(), b"okno web push", hashlib.sha512)
    return ec.derive_private_key(int.from_bytes(digest, "big") % (ORDER - 1) + 1, CURVE)


def public_name(key: ec.EllipticCurvePrivateKey) -> str:
    """What a browser is given as applicationServerKey."""
    return encoded(point(key.public_key()))


def known_as(config: Settings, name: str) -> ec.EllipticCurvePrivateKey | None:
    """The key that a browser knows us by, or None where that is none of ours any more."""
    keys = (server_key(secret) for secret in (config.secret_key, *config.secret_key_fallbacks))
    return next((key for key in keys if public_name(key) == name), None)


def headers(config: Settings, key: ec.EllipticCurvePrivateKey, endpoint: str, urgent: bool) -> Mapping[str, str]:
    """Those of a message to this endpoint: who sends it, and that it is worth something for a day."""
    parts = urlsplit(endpoint)
    subject = (
        config.url if config.url.startswith("https:") else "mailto:" + config.mail_from.rpartition("<")[2].strip("> ")
    )
    claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": int(time.time()) + SIGNED_FOR, "sub": subject}
    signed = jwt.encode({"typ": "JWT", "alg": "ES256"}, claims, ECKey.import_key(key))
    return {
        "Authorization": f"vapid t={signed}, k={public_name(key)}",
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": "86400",
        "Urgency": "high" if urgent else "normal",
    }


def encrypted(
    message: bytes,
    p256dh: str,
    auth: str,
    sender: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """The message for the browser with these keys, of which `p256dh` is public and `auth` a secret of both. Raises
    ValueError for keys that are none. `sender` and `salt` are fresh, except in a test of the standard's example."""
    sender, salt = sender or ec.generate_private_key(CURVE), salt or os.urandom(16)
    theirs, ours = decoded(p256dh), point(sender.public_key())
    shared = sender.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, theirs))
    secret = derived(decoded(auth), shared, b"WebPush: info\0" + theirs + ours, 32)
    key = derived(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
    nonce = derived(salt, secret, b"Content-Encoding: nonce\0", 12)
    head = salt + RECORD.to_bytes(4, "big") + bytes([len(ours)]) + ours
    return head + AESGCM(key).encrypt(nonce, message + b"\2", None)  # 2: the last record


def derived(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decoded(text: str) -> bytes:
    """Raises ValueError."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
