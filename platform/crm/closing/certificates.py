"""Where a certificate of erasure is read: at an address that our key has signed, since there is nobody left to log in.

The signature is computed from the row, so nothing that opens it is stored.
"""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from config.settings import Settings
from core.errors import NotFound
from core.signing import sign, signed
from tenants.models import Certificate

PURPOSE = "certificate"


def address_of(config: Settings, certificate: Certificate) -> str:
    return f"{config.url}/certificate/{certificate.id}/{sign(config, PURPOSE, str(certificate.id))}"


def found(control: Session, config: Settings, certificate_id: UUID, signature: str) -> Certificate:
    """Raises NotFound alike for one that is not there and for a wrong signature."""
    certificate = control.get(Certificate, certificate_id)
    if certificate is None or not signed(config, PURPOSE, str(certificate_id), signature):
        raise NotFound()
    return certificate


def as_json(certificate: Certificate) -> dict[str, Any]:
    """The certificate for programs. What is still being erased has no `finished_at`."""
    names = ("id", "address", "name", "closed_at", "closed_by", "begun_at", "finished_at")
    return {**{name: getattr(certificate, name) for name in names}, **certificate.said}
