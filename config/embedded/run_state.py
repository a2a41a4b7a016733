"""What runs now out of an OKNO_HOME: `run.json`, by which commands and the next start find it.

The file outlives a crash, so nothing in it is believed before the processes it names are looked at.
"""

import contextlib
import json
import os
import signal
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO, Self

import psutil

SERVERS = ("PostgreSQL", "Valkey")


@dataclass(frozen=True, slots=True)
class Process:
    """A process by number and start time (seconds since 1970), since numbers are used again."""

    name: str
    pid: int
    started: float

    @classmethod
    def of(cls, name: str, pid: int) -> Self:
        """The running process `pid`. Raises psutil.NoSuchProcess."""
        return cls(name, pid, psutil.Process(pid).create_time())

    def alive(self) -> bool:
        """Whether it still runs. The minute of grace is for a clock that was set in between."""
        try:
            found = psutil.Process(self.pid)
            return found.status() != psutil.STATUS_ZOMBIE and abs(found.create_time() - self.started) < 60
        except psutil.NoSuchProcess:
            return False


def end(processes: Iterable[Process], how: signal.Signals = signal.SIGTERM, *, patience: float = 30) -> None:
    """Send `how` to all at once and wait `patience` seconds; then kill what is left and all that it started."""
    family = []
    for process in processes:
        if process.alive():
            with contextlib.suppress(psutil.NoSuchProcess):
                found = psutil.Process(process.pid)
                family += [found, *found.children(recursive=True)]
                found.send_signal(how)
    _, left = psutil.wait_procs(family, timeout=patience)
    for member in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    psutil.wait_procs(left, timeout=5)


@dataclass(frozen=True, slots=True)
class RunState:
    """A run: where its embedded servers answer ("" for one that is not embedded) and its processes."""

    database_url: str = field(default="", repr=False)
    redis_url: str = field(default="", repr=False)
    processes: tuple[Process, ...] = ()

    def save(self, home: Path) -> None:
        """Write run.json, whole or not at all, readable by its owner alone."""
        path = home / "run.json"
        fresh = path.with_suffix(".new")
        with private_file(fresh) as file:
            file.write(json.dumps(asdict(self), indent=2).encode())
        fresh.replace(path)


def saved(home: Path) -> RunState | None:
    """The last saved state, whether its processes live or not. A torn or foreign file counts as none."""
    try:
        fields = json.loads((home / "run.json").read_text())
        processes = tuple(Process(**process) for process in fields.pop("processes"))
        return RunState(**fields, processes=processes)
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, KeyError, AttributeError):
        return None


def running(home: Path) -> RunState | None:
    """The run whose embedded servers all live now, else None."""
    state = saved(home)
    servers = [process for process in state.processes if process.name in SERVERS] if state else []
    return state if servers and all(server.alive() for server in servers) else None


def forget(home: Path) -> None:
    """The run ended in order: remove run.json."""
    (home / "run.json").unlink(missing_ok=True)


def private_file(path: Path) -> BinaryIO:
    """Open `path` anew for writing, readable by its owner alone."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
