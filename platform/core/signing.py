"""Signatures: proof that a text was written by this installation.

Each purpose has a key of its own, derived from the secret key, so that a signature made for one is worth nothing for
another. While the secret key is being changed, signatures by the former ones (fallbacks) still hold.
"""

import base64
import hashlib
import hmac

from config.settings import Settings

STAMP = 10  # bytes


def sign(config: Settings, purpose: str, text: str) -> str:
    """The signature of the text: 43 characters that may stand in a URL."""
    return mac(config.secret_key, purpose, text)


def signed(config: Settings, purpose: str, text: str, signature: str) -> bool:
    """Whether the signature was made by us for this purpose and text."""
    keys = (config.secret_key, *config.secret_key_fallbacks)
    return any(hmac.compare_digest(mac(key, purpose, text).encode(), signature.encode()) for key in keys)


def stamp(config: Settings, purpose: str, text: str) -> bytes:
    """A signature of 80 bits, for where only so much fits: enough for what a forger gains little by."""
    return base64.urlsafe_b64decode(sign(config, purpose, text) + "=")[:STAMP]


def stamped(config: Settings, purpose: str, text: str, given: bytes) -> bool:
    """Whether the stamp was made by us for this purpose and text."""
    keys = (config.secret_key, *config.secret_key_fallbacks)
    whole = (base64.urlsafe_b64decode(mac(key, purpose, text) + "=") for key in keys)
    return len(given) == STAMP and any(hmac.compare_digest(one[:STAMP], given) for one in whole)


def mac(secret: str, purpose: str, text: str) -> str:
    key = hmac.digest(secret.encode(), f"okno signing {purpose}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(hmac.digest(key, text.encode(), hashlib.sha256)).decode().rstrip("=")
