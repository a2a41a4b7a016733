"""Servers under load: gunicorn as `make run` starts it, and the load client, each in processes of their own."""

import http.client
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from bench.ground import Ground

CONNECTIONS = 8
SECONDS = 3.0
ROUNDS = 4
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Request:
    """One request. In path and body @@N@@ stands for a number that is never the same twice."""

    path: str
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""

    def raw(self) -> str:
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: localhost"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join(lines)


@dataclass
class Measured:
    """What the load client saw. Times in milliseconds."""

    seconds: float = 0.0
    times: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)

    def add(self, window: dict[str, Any]) -> None:
        self.seconds += window["seconds"]
        self.times += window["times"]
        for status, number in window["statuses"].items():
            self.statuses[status] = self.statuses.get(status, 0) + number

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.times) / self.seconds

    def percentile(self, share: float) -> float:
        return sorted(self.times)[min(len(self.times) - 1, int(len(self.times) * share))]

    def check(self, wanted: str) -> "Measured":
        """All answers had this status. Raises RuntimeError."""
        if set(self.statuses) != {wanted}:
            raise RuntimeError(f"answers had the statuses {self.statuses}, not {wanted}")
        return self


@dataclass(frozen=True)
class Side:
    """One of the sides compared: a server's port and what it is asked, over and over in turn."""

    port: int
    requests: list[Request]
    status: str = "200"


@contextmanager
def served(ground: Ground, app: str = "crm.wsgi:app", **more: str) -> Iterator[int]:
    """The WSGI application under gunicorn with Okno's own settings, on the port yielded."""
    port = free_port()
    environ = {
        **ground.environ, **more, "PORT": str(port), "STREAM_PORT": str(free_port()),
        "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}",
    }  # fmt: skip
    command = [sys.executable, "-m", "gunicorn", "--config", "python:config.gunicorn", app]
    with subprocess.Popen(command, env=environ, cwd=ROOT) as process:
        try:
            wait_until_it_answers(process, port)
            yield port
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_it_answers(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", "/healthz", headers={"Host": "localhost"})
            if connection.getresponse().status == http.client.OK:
                return
        except (OSError, http.client.HTTPException):
            time.sleep(0.05)
        finally:
            connection.close()
    raise RuntimeError(f"the server did not answer on port {port}")


def compare(*sides: Side, seconds: float = SECONDS, rounds: int = ROUNDS) -> list[Measured]:
    """Load each side in turn, so that whatever else the machine does befalls all alike. A first round warms up."""
    measured = [Measured() for _ in sides]
    for number in range(rounds + 1):
        for side, sum_of in zip(sides, measured, strict=True):
            window = load(side, seconds if number else 1.0)
            if number:
                sum_of.add(window)
    return [sum_of.check(side.status) for side, sum_of in zip(sides, measured, strict=True)]


def load(side: Side, seconds: float) -> dict[str, Any]:
    """One window of load from 8 connections that each send the next request when the answer is there."""
    plan = {
        "port": side.port,
        "connections": CONNECTIONS,
        "seconds": seconds,
        "requests": [[request.raw(), request.body] for request in side.requests],
    }
    done = subprocess.run(
        [sys.executable, "-m", "bench.load"], input=orjson.dumps(plan), stdout=subprocess.PIPE, check=True, cwd=ROOT,
        timeout=seconds + 30,
    )  # fmt: skip
    window: dict[str, Any] = orjson.loads(done.stdout)
    return window
