"""gunicorn with our configuration: what a stranger's headers may do, how a stream flows, what `platform` is."""

import http.client
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

APP = """
import asyncio, json, platform

def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    told = {name: environ.get(name) for name in ("SCRIPT_NAME", "PATH_INFO", "REMOTE_ADDR", "wsgi.url_scheme")}
    return [json.dumps(told | {"platform": platform.__file__}).encode()]

async def asgi(scope, receive, send):
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    while True:
        await send({"type": "http.response.body", "body": b"data: changed\\n\\n", "more_body": True})
        await asyncio.sleep(3600)
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "served.py").write_text(APP)
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(tmp_path),
        "OKNO_HOME": str(tmp_path),
        "OKNO_ENV": "embedded",
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "PORT": str(free_port()),
        "STREAM_PORT": str(free_port()),
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(config: str, app: str, port: str, environ: dict[str, str]) -> Iterator[http.client.HTTPConnection]:
    """A gunicorn that runs, and a connection to it. Stopping must take less than graceful_timeout."""
    command = ["gunicorn", "--config", f"python:{config}", app]
    with subprocess.Popen(command, env=environ, start_new_session=True) as gunicorn:
        connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=10)
        try:
            deadline = time.monotonic() + 20
            while True:
                try:
                    connection.connect()
                    break
                except ConnectionRefusedError:
                    assert time.monotonic() < deadline
                    assert gunicorn.poll() is None
                    time.sleep(0.05)
            yield connection
            gunicorn.terminate()
            assert gunicorn.wait(10) == 0
        finally:
            connection.close()
            if gunicorn.poll() is None:
                os.killpg(gunicorn.pid, signal.SIGKILL)


def test_a_strangers_headers_change_nothing(environ: dict[str, str]) -> None:
    with serving("config.gunicorn", "served:wsgi", environ["PORT"], environ) as connection:
        forged = {"SCRIPT_NAME": "/other", "X-Forwarded-Proto": "https", "X-Forwarded-For": "8.8.8.8"}
        connection.request("GET", "/acme/deals/", headers=forged)
        told = connection.getresponse().read().decode()
    assert '"SCRIPT_NAME": ""' in told
    assert '"PATH_INFO": "/acme/deals/"' in told
    assert '"REMOTE_ADDR": "127.0.0.1"' in told
    assert '"wsgi.url_scheme": "http"' in told
    assert f'"platform": "{platform.__file__}"' in told


def test_a_stream_flows_at_once_and_does_not_hold_up_the_stop(environ: dict[str, str]) -> None:
    with serving("config.gunicorn_stream", "served:asgi", environ["STREAM_PORT"], environ) as connection:
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert answer.readline() == b"data: changed\n"


@pytest.mark.parametrize("library", ["uuid", "sqlalchemy", "rq", "crm.cli"])
def test_platform_is_the_standard_librarys(library: str) -> None:
    """platform/ is a source root. With an __init__.py it would hide the module that these import."""
    code = f"import {library}, platform; print(platform.__file__)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == platform.__file__
    assert Path(platform.__file__).is_relative_to(Path(os.__file__).parent)
