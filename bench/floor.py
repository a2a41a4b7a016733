"""The floor: what Flask, psycopg and orjson cost with nothing of Okno around them, under the same gunicorn.

GET /list?sql=.. names one of the statements in FLOOR_SQL; POST /create runs one INSERT. One connection a thread.
"""

import os
import threading

import orjson
import psycopg
from flask import Flask, Response, request
from psycopg.rows import dict_row

app = Flask(__name__)
statements: dict[str, str] = orjson.loads(os.environ["FLOOR_SQL"])
local = threading.local()


def connection() -> "psycopg.Connection[dict[str, object]]":
    """This thread's own."""
    if not hasattr(local, "connection"):
        local.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, row_factory=dict_row)
    return local.connection  # type: ignore[no-any-return]


@app.get("/healthz")
def healthz() -> str:
    return "ok\n"


@app.get("/list")
def rows() -> Response:
    """The rows of one SELECT as JSON."""
    found = connection().execute(statements["list"], request.args).fetchall()
    return Response(orjson.dumps({"data": found}), content_type="application/json")


@app.post("/create")
def create() -> Response:
    """One INSERT of the values in the body, which it gives back."""
    values = orjson.loads(request.get_data())
    found = connection().execute(statements["create"], values).fetchone()
    return Response(orjson.dumps(found), 201, content_type="application/json")
