"""`make run`: starts the embedded servers, then everything the Procfile names, and keeps it running.

In order: look for what would go wrong (an Okno that runs already, a port in use, a full disk), end what a
crashed run left, start PostgreSQL and Valkey, run the Procfile's `release` line, start the other lines,
wait until they answer, say that Okno is ready. Ctrl-C or SIGTERM stops it all in reverse. Whatever goes
wrong is one line and exit code 1.
"""

import contextlib
import errno
import fcntl
import http.client
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from config import embedded
from config.children import Child, ChildError, Restarts, read_procfile, say, stop_all
from config.embedded import EmbeddedError, Postgres, RunState, Servers, Valkey, run_state
from config.settings import Settings, SettingsError, env_from, home_from, ports_from

LEAST_DISK = 200  # MB: a new database, its write-ahead log, and room to work
READY_WITHIN = 60.0  # seconds
TICK = 0.1  # seconds


class StartError(Exception):
    """Okno cannot start. Its text is one line for the person who starts it."""


class Supervisor:
    """One run of Okno out of `home`."""

    def __init__(self, home: Path, commands: dict[str, list[str]], environ: dict[str, str]) -> None:
        self.home = home
        self.signals = 0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        check_disk(home)
        _recover(home)
        self.ports = dict(zip(("web", "stream"), ports_from(environ), strict=True))
        for name, port in self.ports.items():
            _check_port(name, port)
        self.servers = _plan_servers(home, environ)
        environ = environ | _environ_of_children(home, self.ports, environ) | self.servers.environ()
        self.settings = Settings.from_env(environ)
        _check_programs(commands, environ["PATH"])
        width = max(map(len, commands), default=0)
        children = {name: Child(name, command, environ, width) for name, command in commands.items()}
        self.release = children.pop("release", None)
        self.children = children
        self._restarts = {server.name: Restarts(server.name) for server in self.servers.each()}

    def run(self) -> None:
        """Start everything and keep it running until a signal. Raises what main() turns into a line."""
        try:
            self.servers.start()
            self._save()
            self._run_release()
            self._watch()
        finally:
            children = [*self.children.values(), *([self.release] if self.release else [])]
            stop_all(children, hurry=lambda: self.signals > 1)
            self.servers.stop()
            run_state.forget(self.home)

    @property
    def stopping(self) -> bool:
        return self.signals > 0

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.signals += 1

    def _run_release(self) -> None:
        """The Procfile's `release` line: it must end well before the others start."""
        if self.release is None or self.stopping:
            return
        self.release.start()
        while (code := self.release.exit_code()) is None and not self.stopping:
            time.sleep(0.02)
        if code is not None:
            self.release.end_family()
        if code:
            command = " ".join(self.release.command)
            raise StartError(f"`{command}` failed with exit code {code}, so Okno does not start")

    def _watch(self) -> None:
        """Those who answer people start first: they have both cores until they answer, then the rest starts."""
        front = [child for name, child in self.children.items() if name in self.ports]
        waiting, ready, deadline = list(front), False, time.monotonic() + READY_WITHIN
        while not self.stopping:
            now = time.monotonic()
            changed = [child.tend(now) for child in (self.children.values() if ready else front)]
            changed += [self._tend_server(server, now) for server in self.servers.each()]
            if any(changed):
                self._save()
            if not ready:
                waiting = [child for child in waiting if not self._answers(self.ports[child.name])]
                ready = not waiting
                if ready:
                    say(f"Okno is ready at {self.settings.url}")
                elif now > deadline:
                    names = " and ".join(child.name for child in waiting)
                    raise StartError(f"{names} did not answer within {READY_WITHIN:g} s, so Okno stops")
            time.sleep(TICK)

    def _tend_server(self, server: Postgres | Valkey, now: float) -> bool:
        if server.process and server.process.alive():
            return False
        pause = self._restarts[server.name].pause(now)
        say(f"{server.name} ended unexpectedly; starting it again in {pause:g} s")
        time.sleep(pause)
        try:
            server.start()
        except EmbeddedError as error:  # what is left of the last one may still hold on to its memory
            say(str(error))
        return True

    def _answers(self, port: int) -> bool:
        """Whether GET /healthz says 200, asked for by the name that the application trusts."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", "/healthz", headers={"Host": urlsplit(self.settings.url).netloc})
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _save(self) -> None:
        """For other commands, and for the next start should we be killed."""
        environ = self.servers.environ()
        everything = [*self.servers.each(), *self.children.values()]
        processes = tuple(one.process for one in everything if one.process)
        RunState(environ.get("DATABASE_URL", ""), environ.get("REDIS_URL", ""), processes).save(self.home)


def main(arguments: list[str]) -> int:
    """Run the Procfile named first, or ./Procfile, until told to stop. Returns the exit code."""
    environ = {name: value for name, value in os.environ.items() if value.strip()}
    home = home_from(environ)
    try:
        commands = read_procfile(Path(arguments[0] if arguments else "Procfile"))
        with _only_run(home):
            Supervisor(home, commands, environ).run()
    except (StartError, SettingsError, EmbeddedError, ChildError) as error:
        say(str(error))
        return 1
    except OSError as error:
        say(_explain(error, home))
        return 1
    return 0


@contextlib.contextmanager
def _only_run(home: Path) -> Iterator[None]:
    """Hold OKNO_HOME/lock. The system lets go of it when we die, so it is never stale."""
    home.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    with (home / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise StartError(
                f"Okno already runs from {home} (process {lock.read()}): "
                "stop it first, or set another OKNO_HOME and PORT"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def check_disk(home: Path) -> None:
    """Raises StartError when there is no room to start in."""
    free = shutil.disk_usage(home).free // 1_000_000
    if free < LEAST_DISK:
        raise StartError(f"The disk of {home} is full: {free} MB are free, and Okno needs {LEAST_DISK} MB to start")


def _recover(home: Path) -> None:
    """End what a run that was killed left running; the servers recover their data by themselves."""
    state = run_state.saved(home)
    lock = home / "pg" / "postmaster.pid"
    if state is None and not lock.exists():
        return
    left = [process for process in state.processes if process.alive()] if state else []
    run_state.end((process for process in left if process.name not in run_state.SERVERS), patience=5)
    run_state.end((process for process in left if process.name in run_state.SERVERS), signal.SIGINT)
    run_state.forget(home)
    ended = f" Ended what it had left running: {', '.join(process.name for process in left)}." if left else ""
    say(f"The last run did not end in order; recovering its data.{ended}")


def _check_port(name: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            raise StartError(f"Port {port} is for root alone: choose one above 1023 with PORT") from None
        except OSError:
            raise StartError(
                f"Port {port}, for {name}, is in use by another program: stop it, "
                "or choose other ports with PORT and STREAM_PORT"
            ) from None


def _check_programs(commands: dict[str, list[str]], path: str) -> None:
    for name, command in commands.items():
        if shutil.which(command[0], path=path) is None:
            raise StartError(f"The Procfile's {name} needs {command[0]}, which is not installed: run make again")


def _plan_servers(home: Path, environ: dict[str, str]) -> Servers:
    """Embedded are those that nobody gave an address of; in production, none."""
    wanted = {name: name not in environ for name in ("DATABASE_URL", "REDIS_URL")}
    if env_from(environ) == "production":
        return Servers(None, None)
    return embedded.plan(home, postgres=wanted["DATABASE_URL"], valkey=wanted["REDIS_URL"], say=say)


def _environ_of_children(home: Path, ports: dict[str, int], environ: dict[str, str]) -> dict[str, str]:
    """What every line of the Procfile is told, whoever reads it and wherever it stands."""
    return {
        "OKNO_ENV": env_from(environ),
        "OKNO_HOME": str(home),
        "PORT": str(ports["web"]),
        "STREAM_PORT": str(ports["stream"]),
        "PATH": f"{Path(sys.executable).parent}:{environ.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
    }


def _explain(error: OSError, home: Path) -> str:
    place = error.filename or home
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return f"The disk of {place} is full: make room, or set OKNO_HOME to a folder on another disk"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return f"No permission to write {place}: set OKNO_HOME to a folder of yours"
        case _:
            return f"{place}: {error.strerror or error}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
