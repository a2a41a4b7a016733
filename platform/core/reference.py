"""Where the API's document is found, and the page that shows it: whole without a script, with nothing from elsewhere.

GET /api/v1/               where both are
GET /api/v1/openapi.json   the document
GET /api/docs              the same for reading
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

import orjson
from flask import Blueprint, Response, current_app, render_template

from core.api import answer
from core.openapi import Json, document

reference = Blueprint("reference", __name__)


@dataclass(frozen=True)
class Row:
    """One parameter or field. `see` is the schema that its type names, where that has a section of its own."""

    name: str
    type: str
    see: str | None
    required: bool
    description: str
    where: str = ""


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Row]
    sends: str | None
    answers: list[tuple[str, str]]
    curl: str


@dataclass
class Section:
    name: str
    operations: list[Operation] = field(default_factory=list)


@reference.get("/api/v1/")
def entrance() -> Response:
    url = current_app.config["OKNO"].url
    return answer({"openapi": f"{url}/api/v1/openapi.json", "docs": f"{url}/api/docs"})


@reference.get("/api/v1/openapi.json")
def as_json() -> Response:
    return answer(document(current_app.config["OKNO"].url))


@reference.get("/api/docs")
def page() -> str:
    found = document(current_app.config["OKNO"].url)
    schemas = {
        name: (schema.get("description", ""), list(fields(schema)))
        for name, schema in found["components"]["schemas"].items()
    }
    return render_template(
        "reference.html",
        url=found["servers"][0]["url"],
        sections=list(sections(found)),
        schemas=schemas,
        description=found["info"]["description"],
    )


def sections(found: Json) -> Iterator[Section]:
    by_name = {tag["name"]: Section(tag["name"]) for tag in found["tags"]}
    for path, item in found["paths"].items():
        for method in ("get", "post", "patch", "delete"):
            if method in item:
                described = operation(found, path, method, item)
                by_name[item[method]["tags"][0]].operations.append(described)
    yield from by_name.values()


def operation(found: Json, path: str, method: str, item: Json) -> Operation:
    declared = item[method]
    parameters = [*item.get("parameters", []), *declared.get("parameters", [])]
    content = declared.get("requestBody", {}).get("content", {}).get("application/json", {})
    problems = found["components"]["responses"]
    return Operation(
        id=declared["operationId"],
        method=method.upper(),
        path=path,
        summary=declared["summary"],
        description=declared.get("description", ""),
        parameters=[
            Row(
                one["name"],
                said(one["schema"]),
                None,
                one.get("required", False),
                one.get("description", ""),
                one["in"],
            )
            for one in parameters
        ],
        sends=named(content.get("schema", {})),
        answers=[
            (status, response.get("description") or problems[status]["description"])
            for status, response in declared["responses"].items()
        ],
        curl=curl(found, path, method, parameters, content),
    )


def curl(found: Json, path: str, method: str, parameters: list[Json], content: Json) -> str:
    url = found["servers"][0]["url"] + path.replace("{id}", "$ID")
    lines = ["curl" + ("" if method == "get" else f" -X {method.upper()}") + f' "{url}"']
    lines.append('-H "Authorization: Bearer $OKNO_TOKEN"')
    lines += [
        f"-H {shlex.quote(one['name'] + ': ' + one['example'])}"
        for one in parameters
        if one["in"] == "header" and one.get("required")
    ]
    if content:
        example = content.get("example") or sample(found, content["schema"])
        lines += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(orjson.dumps(example).decode())}"]
    return " \\\n  ".join(lines)


def sample(found: Json, schema: Json) -> Json:
    """The required fields of a body, or of a change its first, filled with something of their type."""
    full = found["components"]["schemas"][named(schema)]
    properties = full.get("properties", {})
    wanted = full.get("required") or list(properties)[:1]
    return {name: filling(properties[name]) for name in wanted}


def filling(schema: Json) -> object:
    if "enum" in schema:
        return schema["enum"][0]
    texts = {"uuid": "0198c5a0-7e5f-7c33-9d0c-3f4f5ad0b1c2", "date": "2026-12-31", "date-time": "2026-12-31T15:30:00Z"}
    of_type = {"integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}
    if "anyOf" in schema:
        return filling(schema["anyOf"][0])
    return of_type.get(schema.get("type", ""), texts.get(schema.get("format", ""), "…"))


def fields(schema: Json) -> Iterator[Row]:
    required = schema.get("required", [])
    for name, described in schema.get("properties", {}).items():
        yield Row(name, said(described), named(described), name in required, described.get("description", ""))


def named(schema: Json) -> str | None:
    """The component that a schema, or a list or choice of it, points to."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[1]
    inner = [schema["items"]] if "items" in schema else schema.get("anyOf", [])
    return next((name for name in map(named, inner) if name), None)


def said(schema: Json) -> str:
    """A schema in a few words: "text, at most 200", "list of Email", "day or null"."""
    if "$ref" in schema:
        return str(named(schema))
    if "anyOf" in schema:
        return " or ".join(said(one) for one in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(str(one) for one in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return f"list of {said(schema.get('items', {}))}" + limits(schema, "maxItems")
    words = {"uuid": "UUID", "date": "day as 2026-12-31", "date-time": "time as 2026-12-31T15:30:00Z"}
    kinds = {"string": "text", "integer": "whole number", "boolean": "true or false"}
    given: str | list[str] = schema.get("type", "anything")
    types = given if isinstance(given, list) else [given]
    name = words.get(schema.get("format", "")) or " or ".join(kinds.get(one, one) for one in types)
    return name + limits(schema, "maxLength") + limits(schema, "maximum")


def limits(schema: Json, name: str) -> str:
    return f", at most {schema[name]}" if name in schema else ""
