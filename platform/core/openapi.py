"""The API's document: OpenAPI 3.1, made from the resources as they are declared."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from config.plans import LIMITS
from core.actions import Action
from core.api import MAX_KEY, MAX_Q, RESOURCES, Resource
from core.listing import LIMIT, MOST

Json = dict[str, Any]
Mode = Literal["validation", "serialization"]

REF = "#/components/schemas/{model}"
ELSEWHERE = ("id", "version")  # fields of a change that stand in the path and in If-Match

PROBLEMS = {
    400: "The body is not JSON, or not an object.",
    401: "No token, or one that is wrong, expired or revoked.",
    402: "The plan of the workspace is full: `limit` says which limit, `used` and `cap` how full.",
    403: "The token's member may not do this.",
    404: "The record does not exist, is deleted, or may not be seen by the token's member.",
    409: "Not possible in the present state, or the identifier is in use.",
    412: "Somebody else changed the record meanwhile; ETag holds its present version.",
    413: "The body is larger than 1 MB.",
    415: "The body is not sent as application/json.",
    422: "Some values are wrong; `errors` names each field.",
    428: "If-Match is missing.",
    429: "Too many requests; Retry-After says for how many seconds to wait.",
}
PROBLEM: Json = {
    "type": "object",
    "description": "RFC 9457.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string", "description": "What happened, the same for all of a kind."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What to do about it."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
        "current": {"type": "integer", "description": "With 412: the present version."},
        "limit": {"type": "string", "enum": list(LIMITS), "description": "With 402 and 429: which limit of the plan."},
        "used": {"type": "integer", "description": "With 402 and 429: how much of it is in use."},
        "cap": {"type": "integer", "description": "With 402 and 429: how much the plan has."},
    },
}
ETAG: Json = {"description": "The record's version, to be sent back in If-Match.", "schema": {"type": "string"}}
VERSION: Json = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag you read, so that nobody's change is overwritten unseen; * overwrites whatever is there.",
    "schema": {"type": "string", "pattern": r'^(\*|"[0-9]{1,9}")$'},
    "example": '"1"',
}
KEY: Json = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Any text of your own: the same request with it within 24 hours is answered again, not repeated.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[!-~]+$"},
    "example": "order-2026-118",
}
RATE: Json = {
    "RateLimit-Limit": {"schema": {"type": "integer"}, "description": "Calls a minute that the plan takes."},
    "RateLimit-Remaining": {"schema": {"type": "integer"}, "description": "Calls left in this minute."},
    "RateLimit-Reset": {"schema": {"type": "integer"}, "description": "Seconds to the next minute."},
}
RECORD_ID: Json = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}


@cache
def document(url: str) -> Json:
    """The whole document of the service at `url`, all of it from the declarations of resources, actions and lists."""
    schemas = Schemas()
    paths: Json = {}
    for resource in sorted(RESOURCES.values(), key=lambda resource: resource.path):
        paths.update(resource_paths(resource, schemas))
    return {
        "openapi": "3.1.1",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Okno",
            "version": "1",
            "description": "Records of one workspace, with the rights of the member whose token is used. Times are in "
            "UTC, days are days of the calendar. Unknown fields and parameters are refused.",
        },
        "servers": [{"url": f"{url}/api/v1"}],
        "security": [{"token": []}],
        "tags": [{"name": path} for path in sorted(RESOURCES)],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A token made in Settings, Tokens."}
            },
            "schemas": {**schemas.definitions, "Problem": PROBLEM},
            "responses": {str(status): problem_response(status) for status in PROBLEMS},
        },
    }


class Schemas:
    """The JSON schemas of every resource's answers and inputs, by Pydantic."""

    def __init__(self) -> None:
        models: list[tuple[type[BaseModel], Mode]] = []
        for resource in RESOURCES.values():
            models.append((resource.out, "serialization"))
            models += [(action.input, "validation") for action in actions_of(resource)]
        unique = list(dict.fromkeys(models))
        self.refs, found = models_json_schema(unique, ref_template=REF, schema_generator=WithoutTitles)
        self.definitions: Json = found.get("$defs", {})
        for resource in RESOURCES.values():
            changes = [resource.update] if resource.update else []
            for action in (*changes, *resource.verbs.values()):
                self.as_change(action.input, partial=action is resource.update)

    def as_change(self, model: type[BaseModel], *, partial: bool) -> None:
        """Take out what stands in the path and the header, and the defaults of what merely was not given."""
        schema = self.definitions[self.name(model)]
        properties = schema.get("properties", {})
        for name in ELSEWHERE:
            properties.pop(name, None)
        required = [name for name in schema.pop("required", []) if name not in ELSEWHERE]
        if required:
            schema["required"] = required
        if partial:
            for field in properties.values():
                field.pop("default", None)

    def name(self, model: type[BaseModel], mode: Mode = "validation") -> str:
        return str(self.refs[model, mode]["$ref"]).rsplit("/", 1)[1]

    def ref(self, model: type[BaseModel], mode: Mode = "validation") -> Json:
        return {"$ref": REF.format(model=self.name(model, mode))}

    def fields(self, model: type[BaseModel]) -> Json:
        return dict(self.definitions[self.name(model)].get("properties", {}))


class WithoutTitles(GenerateJsonSchema):
    """Pydantic gives each field its own name as a title, which says nothing new."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        return False


def actions_of(resource: Resource) -> list[Action[Any, Any]]:
    changes = (resource.create, resource.update, resource.delete)
    return [action for action in (*changes, *resource.verbs.values()) if action]


def resource_paths(resource: Resource, schemas: Schemas) -> Json:
    path, kind = resource.path, resource.model.kind
    many: Json = {"get": list_operation(resource, schemas)}
    one: Json = {
        "parameters": [RECORD_ID],
        "get": operation(resource, "show", f"One {kind}", shown(resource, schemas), 404),
    }
    if resource.create:
        created = {"201": {**shown(resource, schemas)["200"], "links": links(resource)}}
        full = (402,) if resource.model.counted else ()
        made = operation(resource, "create", f"Make a {kind}", created, 400, *full, 409, 413, 415, 422)
        many["post"] = {**made, "parameters": [KEY], "requestBody": body(resource.create, schemas, resource.example)}
    if resource.update:
        changed = operation(
            resource, "change", f"Change a {kind}", shown(resource, schemas), 400, 404, 409, 412, 413, 415, 422, 428
        )
        changed["description"] = "What is left out stays as it is."
        one["patch"] = {
            **changed,
            "parameters": [{**VERSION, "required": True}],
            "requestBody": body(resource.update, schemas),
        }
    if resource.delete:
        removed = operation(
            resource, "delete", f"Delete a {kind}", {"204": {"description": "Deleted."}}, 404, 409, 412, 422
        )
        one["delete"] = {**removed, "parameters": [VERSION] if versioned(resource.delete) else []}
    paths: Json = {f"/{path}": many, f"/{path}/{{id}}": one}
    for verb, action in resource.verbs.items():
        paths[f"/{path}/{{id}}/{verb}"] = {
            "parameters": [RECORD_ID],
            "post": verb_operation(resource, verb, action, schemas),
        }
    for written, item in resource.more.items():
        paths[written] = {**paths.get(written, {}), **item}
    return paths


def operation(resource: Resource, verb: str, summary: str, responses: Json, *refusals: int) -> Json:
    return {
        "operationId": f"{resource.path}.{verb}",
        "summary": summary,
        "tags": [resource.path],
        "responses": {**responses, **problems(*refusals)},
    }


def problems(*statuses: int) -> Json:
    """References to the answers that refuse, with those that every operation may give."""
    return {str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted({401, 403, 429, *statuses})}


def list_operation(resource: Resource, schemas: Schemas) -> Json:
    rows = {"type": "array", "items": schemas.ref(resource.out, "serialization")}
    cursor = {"type": ["string", "null"], "description": "Cursor of the next page; null on the last."}
    page = {"type": "object", "required": ["data", "next"], "properties": {"data": rows, "next": cursor}}
    answered = {"200": {"description": "A page of them.", "content": {"application/json": {"schema": page}}}}
    listed = operation(resource, "list", f"Many {resource.path}", answered, 422)
    return {**listed, "parameters": list(list_parameters(resource))}


def list_parameters(resource: Resource) -> Iterator[Json]:
    listing = resource.listing
    if listing.searched:
        yield query(
            "q", {"type": "string", "maxLength": MAX_Q}, "Words in any order, accents ignored; or digits of a phone."
        )
    orders = [order for name in listing.sorts for order in (name, f"-{name}")]
    yield query(
        "sort", {"type": "string", "enum": orders, "default": listing.default_sort}, "The order; - turns it round."
    )
    yield query("limit", {"type": "integer", "minimum": 1, "maximum": MOST, "default": LIMIT}, "How many on a page.")
    yield query("cursor", {"type": "string"}, "`next` of the page before, with the same sort.")
    for name, declared in listing.filters.items():
        yield query(name, TypeAdapter(declared.type).json_schema(), f"Only {declared.description}.")


def query(name: str, schema: Json, description: str) -> Json:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def verb_operation(resource: Resource, verb: str, action: Action[Any, Any], schemas: Schemas) -> Json:
    summary = f"{verb.capitalize()} a {resource.model.kind}"
    made = operation(resource, verb, summary, shown(resource, schemas), 400, 404, 409, 412, 413, 415, 422)
    made["parameters"] = [KEY, *([VERSION] if versioned(action) else [])]
    if action.run.__doc__:
        made["description"] = " ".join(action.run.__doc__.split())
    if schemas.fields(action.input):
        made["requestBody"] = body(action, schemas)
    return made


def versioned(action: Action[Any, Any]) -> bool:
    return "version" in action.input.model_fields


def body(action: Action[Any, Any], schemas: Schemas, example: Mapping[str, Any] | None = None) -> Json:
    content: Json = {"schema": schemas.ref(action.input)}
    if example:
        content["example"] = dict(example)
    return {"required": True, "content": {"application/json": content}}


def shown(resource: Resource, schemas: Schemas) -> Json:
    content = {"application/json": {"schema": schemas.ref(resource.out, "serialization")}}
    return {"200": {"description": f"The {resource.model.kind}.", "headers": {"ETag": ETAG}, "content": content}}


def links(resource: Resource) -> Json:
    """What can be done next with a record that was just made."""
    following = ["show", *(["delete"] if resource.delete else []), *resource.verbs]
    made = {"id": "$response.body#/id"}
    return {name: {"operationId": f"{resource.path}.{name}", "parameters": made} for name in following}


def problem_response(status: int) -> Json:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    response: Json = {"description": PROBLEMS[status], "content": content}
    if status == 401:
        response["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "Bearer"}}
    if status == 429:
        response["headers"] = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}, **RATE}
    return response
