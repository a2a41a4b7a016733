"""How a member looks in SCIM, and what a provider may send: the resource User, and what we say of ourselves.

A user has userName (the e-mail, which cannot be changed), a name, whether they are active, one role, and the name that
the provider has for them. Attributes that we do not keep are left out silently, as RFC 7644 (3.3) allows.
"""

from typing import Any

from core.errors import Invalid
from tenants import roles
from tenants.models import Member

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
CONFIG = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
TYPE = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema"
MOST = 200  # users of one page

Json = dict[str, Any]


def user(member: Member, base: str) -> Json:
    role = member.role.key or str(member.role.id)
    found: Json = {
        "schemas": [USER],
        "id": str(member.id),
        "userName": member.email,
        "name": {"formatted": member.name},
        "displayName": member.name,
        "active": member.state == "active",
        "emails": [{"value": member.email, "type": "work", "primary": True}],
        "roles": [{"value": role, "display": roles.called(member.role), "primary": True}],
        "meta": {
            "resourceType": "User",
            "created": member.created_at.isoformat(),
            "lastModified": member.updated_at.isoformat(),
            "location": f"{base}/Users/{member.id}",
            "version": f'W/"{member.version}"',
        },
    }
    if member.external_id:
        found["externalId"] = member.external_id
    return found


def page(total: int, start: int, resources: list[Json]) -> Json:
    return {
        "schemas": [LIST],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": len(resources),
        "Resources": resources,
    }


def fields_of(body: Json) -> Json:
    """What a whole user, as POST and PUT send it, says of what we keep. Names of attributes have no case."""
    given = {str(name).lower(): value for name, value in body.items()}
    found: Json = {}
    name = name_in(given)
    if name:
        found["name"] = name
    if "username" in given:
        found["email"] = text(given["username"], "userName")
    if "externalid" in given:
        found["external_id"] = text(given["externalid"] or "", "externalId")
    if "active" in given:
        found["active"] = truth(given["active"])
    role = role_in(given.get("roles"))
    if role is not None:
        found["role"] = role
    return found


def name_in(given: Json) -> str:
    """displayName, else name.formatted, else the given and the family name."""
    if given.get("displayname"):
        return text(given["displayname"], "displayName")
    parts = given.get("name") or {}
    if not isinstance(parts, dict):
        raise Invalid(("name", "Send an object here."))
    known = {str(name).lower(): value for name, value in parts.items()}
    if known.get("formatted"):
        return text(known["formatted"], "name.formatted")
    pieces = [text(known[key], f"name.{key}") for key in ("givenname", "familyname") if known.get(key)]
    return " ".join(pieces)


def role_in(given: Any) -> str | None:
    """The primary role, else the first: a text, or an object with `value`."""
    listed = given if isinstance(given, list) else [given]
    found = [one.get("value") if isinstance(one, dict) else one for one in in_order(listed)]
    chosen = next((one for one in found if one not in (None, "")), None)
    return None if chosen is None else text(chosen, "roles")


def in_order(listed: list[Any]) -> list[Any]:
    return sorted(listed, key=lambda one: not (isinstance(one, dict) and one.get("primary") is True))


def text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise Invalid((name, "Write a text here."))
    return value


def truth(value: Any) -> bool:
    """Some providers send "True" for true."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise Invalid(("active", "Write true or false."))


def config(base: str) -> Json:
    no = {"supported": False}
    return {
        "schemas": [CONFIG],
        "documentationUri": f"{base.removesuffix('/scim/v2')}/api/docs",
        "patch": {"supported": True},
        "bulk": {**no, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": MOST},
        "changePassword": no,
        "sort": no,
        "etag": no,
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "A key made under Settings, Single sign-on.",
                "primary": True,
            }
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base}/ServiceProviderConfig"},
    }


def types(base: str) -> list[Json]:
    return [
        {
            "schemas": [TYPE],
            "id": "User",
            "name": "User",
            "endpoint": "/Users",
            "description": "A member of the workspace",
            "schema": USER,
            "meta": {"resourceType": "ResourceType", "location": f"{base}/ResourceTypes/User"},
        }
    ]


def attribute(name: str, said: str, kind: str = "string", **more: Any) -> Json:
    usual: Json = {
        "name": name, "type": kind, "description": said, "multiValued": False, "required": False,
        "mutability": "readWrite", "returned": "default", "uniqueness": "none",
    }  # fmt: skip
    return {**usual, **({"caseExact": False} if kind == "string" else {}), **more}


def schemas(base: str) -> list[Json]:
    attributes = [
        attribute("userName", "The e-mail.", required=True, mutability="immutable", uniqueness="server"),
        attribute("displayName", "The whole name."),
        attribute("name", "The name.", "complex", subAttributes=[
            attribute("formatted", "The whole name."),
            attribute("givenName", "Read where no whole name is sent.", mutability="writeOnly", returned="never"),
            attribute("familyName", "Read where no whole name is sent.", mutability="writeOnly", returned="never"),
        ]),
        attribute("active", "Whether the person works here.", "boolean"),
        attribute("emails", "The same as userName.", "complex", multiValued=True, mutability="readOnly", subAttributes=[
            attribute("value", "The e-mail.", mutability="readOnly"),
            attribute("type", "Always work.", mutability="readOnly"),
            attribute("primary", "Always true.", "boolean", mutability="readOnly"),
        ]),
        attribute("roles", "One role, by its key, name or id.", "complex", multiValued=True, subAttributes=[
            attribute("value", "Key, name or id of the role."),
            attribute("display", "What people call it.", mutability="readOnly"),
            attribute("primary", "Which counts, where several are sent.", "boolean"),
        ]),
    ]  # fmt: skip
    return [
        {
            "schemas": [SCHEMA],
            "id": USER,
            "name": "User",
            "description": "A member of the workspace",
            "attributes": attributes,
            "meta": {"resourceType": "Schema", "location": f"{base}/Schemas/{USER}"},
        }
    ]
