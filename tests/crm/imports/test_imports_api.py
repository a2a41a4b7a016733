"""Imports by API: a file in, its columns, the run, the numbers, the refused rows out."""

import io
from typing import Any

import orjson
from sqlalchemy import text
from werkzeug.test import TestResponse

from core.db import database
from tests.crm.imports.importing import SIMPLE, contacts, messy, work
from tests.crm.imports.test_import import kept_files
from tests.shop import Api, Shop

ROWS = (SIMPLE + "Jan Novák;jan@novak.cz;602114873;VIP\nEva;eva@;;\n").encode()


def upload(api: Api, content: bytes = ROWS, key: str | None = None, **options: Any) -> TestResponse:
    headers = {"Authorization": f"Bearer {api.token}", **({"Idempotency-Key": key} if key else {})}
    data = {"file": (io.BytesIO(content), "contacts.csv"), "options": orjson.dumps(options).decode()}
    return api.client.post("/api/v1/imports", data=data, headers=headers, content_type="multipart/form-data")


def test_the_whole_way(shop: Shop) -> None:
    api = shop.api()
    made = upload(api)
    assert made.status_code == 201, made.json
    draft = made.json
    assert draft is not None
    assert (draft["state"], draft["rows"], draft["mapping"]) == (
        "draft",
        2,
        {"0": "name", "1": "email", "2": "phone", "3": "about"},
    )
    assert draft["columns"][1] == {
        "heading": "E-mail",
        "values": ["jan@novak.cz", "eva@"],
        "field": "email",
        "reason": "heading",
    }
    assert (draft["checked"]["refused"], draft["checked"]["done"]) == (1, True)
    assert made.headers["ETag"] == f'"{draft["version"]}"'
    path = f"/imports/{draft['id']}"
    changed = api.patch(
        path, {"mapping": {"0": "name", "1": "email", "2": "phone"}, "duplicates": "fill"}, draft["version"]
    )
    assert changed.status_code == 200, changed.json
    assert api.patch(path, {"duplicates": "skip"}, draft["version"]).status_code == 412
    assert api.post(f"{path}/run").json["state"] == "waiting"
    assert api.patch(path, {"duplicates": "skip"}).status_code == 409
    work(shop)
    done = api.get(path).json
    assert done is not None
    assert {k: done[k] for k in ("state", "rows", "created", "changed", "skipped", "refused")} == {
        "state": "done", "rows": 2, "created": 1, "changed": 0, "skipped": 0, "refused": 1,
    }  # fmt: skip
    assert contacts(shop)[0].about == ""
    refused = api.get(f"{path}/refused")
    assert refused.mimetype == "text/csv"
    assert "Eva;eva@;;;" in refused.get_data(as_text=True)
    assert api.get("/imports?state=done").json["data"][0]["id"] == draft["id"]
    assert api.post(f"{path}/undo").json["state"] == "undoing"
    work(shop)
    assert api.get(path).json["undone"]["removed"] == 1


def test_the_bytes_may_be_the_body_itself(shop: Shop) -> None:
    api = shop.api()
    headers = {"Authorization": f"Bearer {api.token}"}
    answer = api.client.post("/api/v1/imports?file_name=a.csv", data=ROWS, headers=headers, content_type="text/csv")
    assert answer.status_code == 201
    assert api.client.post("/api/v1/imports", data=ROWS, headers=headers, content_type="text/csv").status_code == 422


def test_the_same_key_makes_one_import_and_keeps_one_file(shop: Shop) -> None:
    api = shop.api()
    first, second = (upload(api, key="once") for _ in range(2))
    assert first.json == second.json
    assert second.headers["Idempotent-Replayed"] == "true"
    assert shop.rows("select count(*) from import")[0][0] == 1
    assert len(kept_files(shop)) == 1
    assert upload(api, content=ROWS + b"x;;;\n", key="once").status_code == 422


def test_a_file_of_more_than_a_megabyte_comes_in_and_one_of_fifty_does_not(shop: Shop) -> None:
    api = shop.api()
    content, expected = messy(15_000)
    assert len(content) > 1_200_000
    made = upload(api, content)
    assert made.status_code == 201
    work(shop)
    assert api.get(f"/imports/{made.json['id']}").json["rows"] == expected.rows  # type: ignore[index]
    too_large = upload(api, (SIMPLE + "Jan;jan@a.cz;;\n").encode() + b"\n" * (50 << 20))
    assert too_large.status_code == 413
    assert too_large.mimetype == "application/problem+json"
    assert len(kept_files(shop)) == 1
    big = {"name": "x" * (2 << 20)}
    assert api.post("/companies", big).status_code == 413


def test_wrong_options_and_files_are_problems_that_name_the_field(shop: Shop) -> None:
    api = shop.api()
    for options in (
        {"mapping": {"0": "birthday"}}, {"mapping": {"9": "name"}}, {"duplicates": "maybe"}, {"colour": "red"},
        {"format": {"encoding": "klingon"}}, {"format": {"separator": "|"}}, {"format": {"header_row": 77}},
    ):  # fmt: skip
        answer = upload(api, **options)
        assert (answer.status_code, answer.mimetype) == (422, "application/problem+json"), options
    assert upload(api, b"%PDF-1.7").json["detail"].startswith("This is a PDF")  # type: ignore[index]
    assert shop.rows("select count(*) from import")[0][0] == 0
    assert kept_files(shop) == []


def test_rights_and_workspaces_hold(shop: Shop, other: Shop) -> None:
    reader = shop.api(shop.member("head"))
    with database().workspace(shop.workspace) as session, session.begin():
        session.execute(
            text("update member set role_id = (select id from role where key = 'reader') where name = 'Ondřej Král'")
        )
    assert upload(reader).status_code == 403
    assert reader.get("/imports").status_code == 403
    assert kept_files(shop) == []
    theirs = upload(other.api()).json
    assert theirs is not None
    api = shop.api()
    path = f"/imports/{theirs['id']}"
    for answer in (api.get(path), api.patch(path, {"duplicates": "skip"}), api.delete(path), api.get(f"{path}/refused"),
                   *(api.post(f"{path}/{verb}") for verb in ("run", "stop", "undo"))):  # fmt: skip
        assert answer.status_code == 404
