"""The API's document and its page: valid, whole, and true of what is declared."""

import re

import pytest
from flask import Flask
from openapi_spec_validator import validate

from core.api import RESOURCES
from core.listing import Ask
from core.openapi import document
from tests.shop import Shop


def test_the_document_is_valid_openapi(app: Flask) -> None:
    found = app.test_client().get("/api/v1/openapi.json")
    assert found.status_code == 200
    validate(found.json)  # type: ignore[arg-type]
    assert found.json["openapi"].startswith("3.1")  # type: ignore[index]


def test_the_entrance_tells_where_the_document_is(app: Flask) -> None:
    client = app.test_client()
    where = client.get("/api/v1/").json
    assert where is not None
    for url in where.values():
        assert client.get(url.removeprefix("http://localhost:8000")).status_code == 200


def test_every_route_of_the_api_is_in_the_document_and_no_other(app: Flask) -> None:
    methods = {"GET", "POST", "PATCH", "DELETE", "PUT"}
    routes = {
        (re.sub("<[^>]*>", "{id}", rule.rule.removeprefix("/api/v1")), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/") and not rule.endpoint.startswith("reference.")
        for method in methods & (rule.methods or set())
    }
    paths = document("http://localhost:8000")["paths"]
    written = {(path, method) for path, item in paths.items() for method in item if method != "parameters"}
    assert written == routes


def test_every_resource_has_an_example_that_its_action_takes(app: Flask, shop: Shop) -> None:
    with shop.acting():
        for resource in RESOURCES.values():
            if resource.create:
                assert resource.example, f"{resource.path} has no example"
                resource.create.parse(dict(resource.example))


def test_every_filter_and_sort_in_the_document_is_taken(shop: Shop) -> None:
    values = {"boolean": "true", "integer": "1", "date": "2026-01-01", "date-time": "2026-01-01T00:00:00Z"}
    uuid = "0198c5a0-7e5f-7c33-9d0c-3f4f5ad0b1c2"
    api = shop.api()
    for path, item in document("http://localhost:8000")["paths"].items():
        for parameter in item.get("get", {}).get("parameters", ()):
            schema = parameter["schema"]
            given = schema.get("enum") or [
                values.get(schema.get("format", schema["type"]), uuid if schema.get("format") == "uuid" else "x")
            ]
            for value in given if parameter["name"] != "cursor" else ():
                answer = api.get(f"{path}?{parameter['name']}={value}")
                assert answer.status_code == 200, (path, parameter["name"], answer.text)
    assert Ask().limit == 50


def test_the_page_shows_everything_and_loads_nothing_from_elsewhere(app: Flask) -> None:
    page = app.test_client().get("/api/docs")
    text = page.get_data(as_text=True)
    found = document("http://localhost:8000")
    for path, item in found["paths"].items():
        assert f"<code>{path}</code>" in text
        for parameter in (one for how in item.values() if isinstance(how, dict) for one in how.get("parameters", ())):
            assert parameter["name"] in text
    for name, schema in found["components"]["schemas"].items():
        assert f'id="{name}"' in text
        for field in schema.get("properties", ()):
            assert f"<code>{field}</code>" in text
    assert "<script" not in text
    assert not re.search(r'(src|href)="(?!/|#)', text)
    targets = set(re.findall(r'href="#([^"]+)"', text))
    assert targets <= set(re.findall(r'id="([^"]+)"', text))
    assert len(re.findall(r' id="([^"]+)"', text)) == len(set(re.findall(r' id="([^"]+)"', text)))


@pytest.mark.parametrize("method", ["TRACE", "PUT", "PROPFIND"])
def test_what_a_resource_cannot_do_is_said_with_what_it_can(shop: Shop, method: str) -> None:
    answer = shop.api().call(method, "/contacts")
    assert answer.status_code == 405
    assert answer.content_type == "application/problem+json"
    assert set(answer.headers["Allow"].split(", ")) >= {"GET", "POST"}
