"""Okno as `make run` starts it, with servers of its own: started by the first browser test, shared by all workers.

A plugin: tests/conftest.py names it in `pytest_plugins`. Its servers are not those of the other tests, since its relay
and worker would take the work that those tests ask for and look at.
"""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import pytest
from flask import Flask

from config.embedded import Process, run_state
from config.settings import Settings
from tests.servers import HOME

ROOT = Path(__file__).parents[2]
ARTEFACTS = ROOT / "tests" / "artefacts"  # what a run leaves to be looked at
STARTS_WITHIN = 90.0  # seconds
OURS = ("OKNO_", "DATABASE_URL", "REDIS_URL", "PORT", "STREAM_PORT")


@dataclass(frozen=True)
class Site:
    """A running Okno: its folder and its ports."""

    home: Path
    port: int
    stream_port: int

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @cached_property
    def app(self) -> Flask:
        """The same application in this process, for the context that actions need."""
        from crm.app import create_app

        return create_app(self.settings)

    @cached_property
    def settings(self) -> Settings:
        given = {"OKNO_HOME": str(self.home), "PORT": str(self.port), "STREAM_PORT": str(self.stream_port)}
        return Settings.from_env(given)

    @contextmanager
    def clock_held(self) -> Iterator[None]:
        """Nobody else moves the clock of the test payments meanwhile, which would end what is being paid."""
        with (self.home.parent / "clock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def process(self, name: str) -> Process:
        """The one that the Procfile calls so; after an end of it, the one started in its place."""
        state = run_state.saved(self.home)
        return next(process for process in (state.processes if state else ()) if process.name == name)


@pytest.fixture(scope="session")
def site() -> Site:
    folder = Path(os.environ[HOME]) / "site"
    folder.parent.chmod(0o711)  # as root, PostgreSQL runs as another user and must get through
    folder.mkdir(mode=0o711, exist_ok=True)
    with (folder / "starting").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ports = folder / "ports.json"
        if not ports.exists():
            web, stream = free_ports()
            start(folder, web, stream)
            ports.write_text(json.dumps([web, stream]))
        return Site(folder / "home", *json.loads(ports.read_text()))


def start(folder: Path, port: int, stream_port: int) -> None:
    """Start the supervisor and wait for its ready line."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    environ |= {"OKNO_HOME": str(folder / "home"), "PORT": str(port), "STREAM_PORT": str(stream_port)}
    with (folder / "log").open("wb") as log:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "config.supervisor"],
            cwd=ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (folder / "supervisor.json").write_text(json.dumps(asdict(Process.of("supervisor", supervisor.pid))))
    deadline = time.monotonic() + STARTS_WITHIN
    while "Okno is ready at" not in (said := (folder / "log").read_text()):
        if supervisor.poll() is not None or time.monotonic() > deadline:
            pytest.exit(f"Okno does not start:\n{said}", 1)
        time.sleep(0.1)


def free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """The process that began the run stops what its workers started, before the folder goes."""
    folder = Path(os.environ[HOME]) / "site"
    if not hasattr(config, "workerinput") and (folder / "supervisor.json").exists():
        run_state.end([Process(**json.loads((folder / "supervisor.json").read_text()))])
        ARTEFACTS.mkdir(exist_ok=True)
        shutil.copyfile(folder / "log", ARTEFACTS / "site.log")
