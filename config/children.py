"""The programs of a Procfile: started, listened to, started again when they fail, stopped."""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from config.embedded import Process

TRIES = 5
WITHIN = 60.0  # seconds
PATIENCE = 35.0  # seconds between SIGTERM and SIGKILL: a worker lets its job in hand go on for 30

_output = threading.Lock()


class ChildError(Exception):
    """A program cannot be kept running. Its text is one line."""


def say(text: str) -> None:
    """Print one line, whole even when several threads print. Nobody listening is no reason to stop."""
    with _output:
        try:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        except (OSError, ValueError):
            pass


def read_procfile(path: Path) -> dict[str, list[str]]:
    """Its commands by name, each split into words as a shell does. Raises ChildError, OSError."""
    commands = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        found = re.fullmatch(r"([A-Za-z0-9_-]+):\s*(\S.*)", line)
        if found is None:
            raise ChildError(f"{path}, line {number}: write it as `name: command`")
        commands[found[1]] = shlex.split(found[2])
    return commands


@dataclass(slots=True)
class Restarts:
    """How often something had to be started again, and when that is too often."""

    name: str
    ends: deque[float] = field(default_factory=lambda: deque(maxlen=TRIES))

    def pause(self, now: float) -> float:
        """Seconds to wait after an end at `now`: 0.5, 1, 2, 4. Raises ChildError at the fifth within a minute."""
        self.ends.append(now)
        recent = [end for end in self.ends if now - end < WITHIN]
        if len(recent) == TRIES:
            raise ChildError(f"{self.name} ended {TRIES} times within a minute, so Okno stops")
        return 0.5 * 2.0 ** (len(recent) - 1)


@dataclass(slots=True)
class Child:
    """One program. What it prints comes out with its name before each line."""

    name: str
    command: list[str]
    environ: Mapping[str, str]
    width: int = 0
    process: Process | None = None
    _popen: subprocess.Popen[bytes] | None = None
    _ear: threading.Thread | None = None
    _restarts: Restarts = field(init=False)
    _due: float = 0.0

    def __post_init__(self) -> None:
        self._restarts = Restarts(self.name)

    def tend(self, now: float) -> bool:
        """Notice its end, start it when that is due. Returns whether anything changed. Raises ChildError."""
        if self._popen is not None:
            code = self._popen.poll()
            if code is None:
                return False
            self.end_family()
            pause = self._restarts.pause(now)
            say(f"{self.name} ended {_how(code)}; starting it again in {pause:g} s")
            self._due = now + pause
            return True
        if now < self._due:
            return False
        self.start()
        return True

    def start(self) -> None:
        """Start it, in a session of its own so that Ctrl-C reaches the supervisor alone."""
        self._popen = subprocess.Popen(
            self.command,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.process = _process(self.name, self._popen.pid)
        self._ear = threading.Thread(target=self._relay, args=(self._popen.stdout,), daemon=True)
        self._ear.start()

    def _relay(self, output: IO[bytes]) -> None:
        with output:
            for line in output:
                say(f"{self.name:<{self.width}} | {line.decode(errors='replace').rstrip()}")

    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._popen.poll() if self._popen else None

    def ask_to_stop(self) -> None:
        """SIGTERM to it and all that stands in its process group."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL to its process group and to whatever it started outside of it."""
        family = _descendants(self.process.pid) if self.process else []
        self._signal(signal.SIGKILL)
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()

    def end_family(self) -> None:
        """After its end: nothing of its process group stays to hold its port, and its last words are out."""
        self._signal(signal.SIGKILL)
        if self._popen and self._ear:
            self._popen.wait()
            self._ear.join(timeout=2)
        self._popen = self.process = self._ear = None

    def _signal(self, number: signal.Signals) -> None:
        if self._popen:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._popen.pid, number)


def stop_all(children: Iterable[Child], hurry: Callable[[], bool] = lambda: False, patience: float = PATIENCE) -> None:
    """Ask all at once, wait up to `patience` seconds for all together or until `hurry`, kill what is left."""
    running = [child for child in children if child.process]
    for child in running:
        child.ask_to_stop()
    deadline = time.monotonic() + patience
    left = running
    while (left := [child for child in left if child.exit_code() is None]) and not hurry():
        if time.monotonic() > deadline:
            say(f"{', '.join(child.name for child in left)} did not stop within {patience:g} s: killed")
            break
        time.sleep(0.02)
    for child in left:
        child.kill()
    for child in running:
        child.end_family()


def _process(name: str, pid: int) -> Process | None:
    try:
        return Process.of(name, pid)
    except psutil.NoSuchProcess:
        return None


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _how(code: int) -> str:
    return f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
