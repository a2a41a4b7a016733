"""Operations of a SCIM PATCH (RFC 7644, 3.5.2), as far as our user has what they name, and filters of a list.

Providers differ: Entra sends {"op": "Replace", "path": "active", "value": "False"}, Okta an object without a path. Both
become the same fields. An operation on what we do not keep does nothing; one on userName is refused.
"""

import re

from core.errors import Refusal
from crm.scim.shapes import PATCH, USER, Json, fields_of, text

MOST = 100  # operations
PATHS = {
    "active": "active",
    "displayname": "displayName",
    "name.formatted": "displayName",
    "externalid": "externalId",
    "roles": "roles",
    "username": "userName",
}
ROLE = re.compile(r"roles\[(primary|type|value) eq .{0,100}\](\.value)?|roles\.value", re.IGNORECASE)
FILTER = re.compile(r'\s*(username|externalid|emails\.value|emails)\s+eq\s+"((?:[^"\\]|\\.){0,254})"\s*', re.IGNORECASE)


class Refused(Refusal):
    """A request that SCIM has a word for (`scimType`, RFC 7644 table 9)."""

    def __init__(self, kind: str, detail: str):
        super().__init__(detail)
        self.kind = kind


def fields_in(body: Json) -> Json:
    """What all operations together ask for, the last one counting."""
    given = {str(name).lower(): value for name, value in body.items()}
    operations = given.get("operations")
    if PATCH not in (given.get("schemas") or []) or not isinstance(operations, list):
        raise Refused("invalidSyntax", f"Send operations with the schema {PATCH}.")
    if len(operations) > MOST:
        raise Refused("tooMany", f"At most {MOST} operations.")
    found: Json = {}
    for operation in operations:
        if not isinstance(operation, dict):
            raise Refused("invalidSyntax", "An operation is an object.")
        found |= fields_of(asked({str(name).lower(): value for name, value in operation.items()}))
    return found


def asked(operation: Json) -> Json:
    """One operation as a part of a user."""
    op, path, value = str(operation.get("op", "")).lower(), operation.get("path"), operation.get("value")
    if op not in ("add", "replace", "remove"):
        raise Refused("invalidSyntax", "An operation is add, replace or remove.")
    if path is None:
        if op == "remove":
            raise Refused("noTarget", "Say what to remove.")
        if not isinstance(value, dict):
            raise Refused("invalidValue", "Without a path, send an object.")
        return flattened(value)
    name = target(text(path, "path"))
    if op == "remove":
        return removed(name)
    return {name: value} if name else {}


def flattened(value: Json) -> Json:
    """{"name.formatted": ..} means the same as with a path."""
    found: Json = {}
    for name, one in value.items():
        known = target(str(name))
        found[known or str(name)] = one
    return found


def target(path: str) -> str:
    """The attribute that a path names; empty for one that we do not keep."""
    short = path.removeprefix(f"{USER}:")
    return "roles" if ROLE.fullmatch(short) else PATHS.get(short.lower(), "")


def removed(name: str) -> Json:
    if name == "externalId":
        return {"externalId": ""}
    if name:
        raise Refused("mutability", f"{name} cannot be without a value.")
    return {}


def filter_in(given: str) -> dict[str, str]:
    """The filter of a list: one attribute that equals a value."""
    if not given.strip():
        return {}
    found = FILTER.fullmatch(given)
    if not found:
        raise Refused("invalidFilter", 'Only userName eq "…" and externalId eq "…" are understood.')
    value = re.sub(r"\\(.)", r"\1", found[2])
    if "\0" in value:
        raise Refused("invalidFilter", "Leave out the zero bytes.")
    return {"external_id" if found[1].lower() == "externalid" else "email": value}
