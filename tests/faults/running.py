"""A real Okno with servers of its own, whose parts can be killed and come back."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import IO

import psutil
from flask import Flask

from config.embedded import plan
from config.settings import Settings
from core.db import Database
from crm.models import METADATA
from migrations.runner import Urls, upgrade
from tests.browser.site import OURS, ROOT, free_ports

OKNO = "import tests.faults.effects; from crm.cli import main; main()"
GUNICORN = "import tests.faults.effects; from gunicorn.app.wsgiapp import run; run()"
PARTS: dict[str, list[str]] = {
    "web": [GUNICORN, "--config", "python:config.gunicorn", "crm.wsgi:app"],
    "relay": [OKNO, "relay"],
    "relay-2": [OKNO, "relay"],
    "clock": [OKNO, "clock"],
    "clock-2": [OKNO, "clock"],
    "worker": [OKNO, "worker", "urgent", "default"],
    "bulk": [OKNO, "worker"],
}


class Okno:
    """Every part is started again a moment after it ended, as a supervisor does."""

    def __init__(self, home: Path, smtp_port: int) -> None:
        home.chmod(0o711)  # as root, PostgreSQL runs as another user and must get through
        self.home = home
        self.port, stream = free_ports()
        self.servers = plan(home, say=lambda _line: None)
        self.servers.start()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        self.environ = kept | self.servers.environ() | {
            "OKNO_ENV": "embedded", "OKNO_HOME": str(home), "OKNO_PAYMENTS": "off", "PORT": str(self.port),
            "STREAM_PORT": str(stream), "OKNO_SMTP_URL": f"smtp://127.0.0.1:{smtp_port}",
            "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}",
        }  # fmt: skip
        os.environ.update(self.environ)  # workspaces are opened in this process too
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.log: IO[bytes] = (home / "log").open("ab")
        self.stopped = threading.Event()
        self.keeper = threading.Thread(target=self.keep, daemon=True)

    @cached_property
    def settings(self) -> Settings:
        return Settings.from_env(self.environ)

    @cached_property
    def database(self) -> Database:
        return Database(self.settings.workspace_database_url, self.settings.control_database_url)

    @cached_property
    def app(self) -> Flask:
        from crm.app import create_app

        return create_app(self.settings)

    def start(self) -> None:
        here = self.settings
        urls = Urls(here.database_url, here.workspace_database_url, here.control_database_url)
        upgrade(urls, METADATA, pool=20, say=lambda _line: None)
        self.keeper.start()

    def keep(self) -> None:
        while not self.stopped.wait(0.1):
            for name in PARTS:
                part = self.running.get(name)
                if part is None or part.poll() is not None:
                    self.running[name] = self.begin(name)

    def begin(self, name: str) -> "subprocess.Popen[bytes]":
        if name in self.running:  # nothing of a dead master stays to hold its port
            with suppress(ProcessLookupError):
                os.killpg(self.running[name].pid, signal.SIGKILL)
        return subprocess.Popen(
            [sys.executable, "-c", *PARTS[name]], cwd=ROOT, env=self.environ, stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log, start_new_session=True,
        )  # fmt: skip

    def kill(self, name: str, child: bool) -> bool:
        """SIGKILL to a part, or to a child of it; whether there was one."""
        part = self.running.get(name)
        if part is None or part.poll() is not None:
            return False
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(part.pid)
            found = process.children() if child else [process]
            for one in found[:1]:
                one.kill()
                return True
        return False

    def restart_postgres(self) -> None:
        """As by `pg_ctl stop -m immediate`: nothing is written out, so the start recovers."""
        self.restart(self.servers.postgres, signal.SIGQUIT)

    def restart_valkey(self) -> None:
        self.restart(self.servers.valkey, signal.SIGKILL)

    def restart(self, server: object, number: signal.Signals) -> None:
        process = server.process  # type: ignore[attr-defined]
        os.kill(process.pid, number)
        while process.alive():
            time.sleep(0.02)
        server.start()  # type: ignore[attr-defined]

    def stop(self) -> None:
        self.stopped.set()
        if self.keeper.is_alive():
            self.keeper.join()
        for part in self.running.values():
            with suppress(ProcessLookupError):
                os.killpg(part.pid, signal.SIGTERM)
        deadline = time.monotonic() + 10
        for part in self.running.values():
            with suppress(subprocess.TimeoutExpired):
                part.wait(max(0.1, deadline - time.monotonic()))
            for left in children_of(part.pid):
                left.kill()
            with suppress(ProcessLookupError):
                os.killpg(part.pid, signal.SIGKILL)
        self.database.dispose()
        self.servers.stop()
        self.log.close()


def children_of(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
