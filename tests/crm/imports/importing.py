"""An import in the hands of a test: files sent by a browser, work done as a worker does it."""

import io
from typing import Any
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from core import jobs
from core.db import database
from tests.crm.imports.messy import Expected, write_messy
from tests.shop import Shop, csrf

SIMPLE = "Jméno;E-mail;Telefon;Poznámka\n"


def messy(rows: int, **options: Any) -> tuple[bytes, Expected]:
    file = io.BytesIO()
    expected = write_messy(rows, file, **options)
    return file.getvalue(), expected


def send(browser: FlaskClient, shop: Shop, content: bytes, name: str = "zakaznici.csv") -> TestResponse:
    """Choose the file on the page and send the form."""
    token = csrf(browser, shop.path("/imports/new"))
    data = {"csrf_token": token, "file": (io.BytesIO(content), name)}
    return browser.post(shop.path("/imports/"), data=data, content_type="multipart/form-data")


def sent(browser: FlaskClient, shop: Shop, content: bytes, name: str = "zakaznici.csv") -> UUID:
    answer = send(browser, shop, content, name)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return UUID(answer.headers["Location"].split("/")[-2])


def press(browser: FlaskClient, shop: Shop, import_id: UUID, what: str, **fields: Any) -> TestResponse:
    """Post one of the import's forms: columns, duplicates, run, stop, undo, delete, refused."""
    token = csrf(browser, shop.path("/imports/new"))
    return browser.post(shop.path(f"/imports/{import_id}/{what}"), data={"csrf_token": token, **fields})


def work(shop: Shop) -> None:
    """Do all the work that waits for a worker in this workspace, as the worker does."""
    while True:
        with database().controlling() as control:
            waiting = list(
                control.scalars(
                    text("select id from bus.outbox where topic = 'job' and role = :role order by id"),
                    {"role": shop.workspace.role},
                )
            )
        if not waiting:
            return
        with shop.app.app_context():
            for work_id in waiting:
                jobs.deliver(work_id)
        with database().controlling() as control:
            stuck = control.scalar(text("select count(*) from bus.outbox where id = any(:ids)"), {"ids": waiting})
        assert not stuck, "the work failed and waits for its next attempt"


def brought(shop: Shop, content: bytes, duplicates: str = "skip", name: str = "zakaznici.csv") -> UUID:
    """The whole way through the pages: sent, columns as guessed, duplicates decided, run."""
    browser = shop.browser()
    import_id = sent(browser, shop, content, name)
    assert press(browser, shop, import_id, "duplicates", duplicates=duplicates).status_code == 303
    work(shop)
    return import_id


def row(shop: Shop, import_id: UUID) -> Any:
    return shop.rows("select * from import where id = :id", id=import_id)[0]


def numbers(shop: Shop, import_id: UUID) -> dict[str, int]:
    found = row(shop, import_id)
    return {name: getattr(found, name) for name in ("created", "changed", "skipped", "refused")}


def contacts(shop: Shop, **values: Any) -> list[Any]:
    return shop.rows("select * from contact where deleted_at is null order by id", **values)
