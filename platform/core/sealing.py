"""Secrets kept encrypted: what we must be able to read again, and a copy of the database must not show.

Each purpose has a key of its own, derived from the secret key as in core.signing. A sealed secret reads <4 bytes that
name the key><12 bytes of nonce><AES-256-GCM>. It opens only for whom it was sealed, so that it is worth nothing when it
is moved to another row. While the secret key is being changed, what the former ones (fallbacks) sealed can be read.
"""

import hashlib
import hmac
import os
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from config.settings import Settings

NAME, NONCE = 4, 12  # bytes


class Unreadable(Exception):
    """It was sealed by another key, for another purpose or for somebody else, or it was changed."""


def seal(config: Settings, purpose: str, secret: bytes, whose: bytes) -> bytes:
    return seal_by(config.secret_key, purpose, secret, whose)


def unseal(config: Settings, purpose: str, sealed: bytes, whose: bytes) -> bytes:
    """What was sealed. Raises Unreadable."""
    return unseal_by((config.secret_key, *config.secret_key_fallbacks), purpose, sealed, whose)


def seal_by(secret_key: str, purpose: str, secret: bytes, whose: bytes) -> bytes:
    """The same with another key than the usual one."""
    key, nonce = key_of(secret_key, purpose), os.urandom(NONCE)
    return name_of(key) + nonce + AESGCM(key).encrypt(nonce, secret, whose)


def unseal_by(secret_keys: Iterable[str], purpose: str, sealed: bytes, whose: bytes) -> bytes:
    """What was sealed by one of the keys. Raises Unreadable."""
    name, nonce, encrypted = sealed[:NAME], sealed[NAME : NAME + NONCE], sealed[NAME + NONCE :]
    for secret_key in secret_keys:
        key = key_of(secret_key, purpose)
        if name_of(key) == name and len(nonce) == NONCE:
            try:
                return AESGCM(key).decrypt(nonce, encrypted, whose)
            except InvalidTag:
                break
    raise Unreadable()


def key_of(secret_key: str, purpose: str) -> bytes:
    return hmac.digest(secret_key.encode(), f"okno sealing {purpose}".encode(), hashlib.sha256)


def name_of(key: bytes) -> bytes:
    """Tells which key it was, and nothing of the key."""
    return hashlib.sha256(b"okno key " + key).digest()[:NAME]
