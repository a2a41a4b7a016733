"""PostgreSQL and Valkey out of Python wheels, run under OKNO_HOME with nothing installed.

`plan` decides ports and passwords and starts nothing; `Servers.start` and `Servers.stop` do as they say;
`start_throwaway` gives tests servers that leave nothing behind. `run_state.running` finds servers that run.
"""

import shutil
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from config.embedded import run_state
from config.embedded.errors import EmbeddedError
from config.embedded.postgres import Postgres
from config.embedded.run_state import Process, RunState
from config.embedded.valkey import Valkey
from config.secret_file import kept_secret

__all__ = [
    "EmbeddedError",
    "Postgres",
    "Process",
    "RunState",
    "Servers",
    "Valkey",
    "plan",
    "start_throwaway",
    "stop_throwaway",
]


@dataclass(frozen=True, slots=True)
class Servers:
    """The embedded servers of one OKNO_HOME, in the order they start. Either may be missing."""

    postgres: Postgres | None
    valkey: Valkey | None

    def environ(self) -> dict[str, str]:
        """The variables by which Okno finds these servers."""
        found = {}
        if self.postgres:
            found["DATABASE_URL"] = self.postgres.url
        if self.valkey:
            found["REDIS_URL"] = self.valkey.url
        return found

    def each(self) -> list[Postgres | Valkey]:
        """The servers that are embedded."""
        return [server for server in (self.postgres, self.valkey) if server]

    def start(self) -> tuple[Process, ...]:
        """Start all and wait until they answer. Raises EmbeddedError, with none left running."""
        try:
            return tuple(server.start() for server in self.each())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all in order, the last started first; what was acknowledged is on disk."""
        for server in reversed(self.each()):
            server.stop()


def plan(
    home: Path,
    *,
    postgres: bool = True,
    valkey: bool = True,
    durable: bool = True,
    say: Callable[[str], None] = print,
) -> Servers:
    """Servers of `home`, not started yet: makes the folder and the passwords, and picks free ports.

    `durable=False` leaves out waiting for the disk, for tests. `say` gets lines for the person.
    Raises OSError when `home` cannot be written.
    """
    home.mkdir(parents=True, exist_ok=True)
    password = kept_secret(home / "servers.key")
    return Servers(
        Postgres(home, _free_port(), password, durable=durable, say=say) if postgres else None,
        Valkey(home, _free_port(), password, durable=durable) if valkey else None,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_throwaway(home: Path) -> RunState:
    """Servers for tests in the new folder `home`: about a second to start, and nothing outlives them.

    They run until `stop_throwaway`, in whichever process that is called.
    """
    home.chmod(0o711)  # as root, PostgreSQL runs as another user and must get through
    servers = plan(home, durable=False)
    processes = servers.start()
    environ = servers.environ()
    state = RunState(environ["DATABASE_URL"], environ["REDIS_URL"], processes)
    state.save(home)
    return state


def stop_throwaway(home: Path) -> None:
    """End the servers of `home` at once and remove the folder."""
    state = run_state.saved(home)
    run_state.end(state.processes if state else (), signal.SIGINT)
    shutil.rmtree(home)
