"""The embedded servers: data outlives a restart and a crash, and nothing outlives the run."""

import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config import embedded
from config.embedded import EmbeddedError, Process, Servers, run_state
from config.embedded.account import Account


@pytest.fixture
def home() -> Iterator[Path]:
    """A new OKNO_HOME that PostgreSQL's account can reach."""
    folder = Path(tempfile.mkdtemp(prefix="okno-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def start(home: Path) -> Iterator[list[Servers]]:
    """Every Servers put in is stopped at the end."""
    started: list[Servers] = []
    yield started
    for servers in started:
        servers.stop()


def plan(home: Path, start: list[Servers], *, postgres: bool = True, valkey: bool = True) -> Servers:
    servers = embedded.plan(home, postgres=postgres, valkey=valkey)
    start.append(servers)
    return servers


def test_data_outlives_a_restart(home: Path, start: list[Servers]) -> None:
    servers = plan(home, start)
    servers.start()
    with psycopg.connect(servers.environ()["DATABASE_URL"]) as connection:
        connection.execute("create table kept as select 'ž' as letter")
    with redis.Redis.from_url(servers.environ()["REDIS_URL"]) as client:
        client.set("kept", "1")
    servers.stop()

    servers = plan(home, start)
    begun = time.monotonic()
    servers.start()
    assert time.monotonic() - begun < 3
    with psycopg.connect(servers.environ()["DATABASE_URL"]) as connection:
        assert connection.execute("select letter from kept").fetchone() == ("ž",)
    with redis.Redis.from_url(servers.environ()["REDIS_URL"]) as client:
        assert client.get("kept") == b"1"


def test_postgres_is_set_up_for_many_workspaces_and_safe_data(home: Path, start: list[Servers]) -> None:
    servers = plan(home, start, valkey=False)
    servers.start()
    with psycopg.connect(servers.environ()["DATABASE_URL"]) as connection:

        def value(name: str) -> str:
            row = connection.execute("select current_setting(%s)", [name]).fetchone()
            assert row
            return str(row[0])

        assert value("server_version").startswith("18.")
        assert value("max_locks_per_transaction") == "512"
        assert value("fsync") == value("synchronous_commit") == "on"
        assert value("server_encoding") == "UTF8"
        assert value("timezone") == "UTC"
        options = connection.execute("select reloptions from pg_class where relname = 'pg_attribute'").fetchone()
        assert options == (["autovacuum_vacuum_scale_factor=0.02", "autovacuum_vacuum_threshold=500"],)


def test_strangers_are_refused(home: Path, start: list[Servers]) -> None:
    servers = plan(home, start)
    servers.start()
    assert servers.postgres
    assert servers.valkey
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://okno:guess@127.0.0.1:{servers.postgres.port}/okno")
    with (
        redis.Redis(port=servers.valkey.port, retry=Retry(NoBackoff(), 0)) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()
    for secret in ("servers.key", "postgres.log", "valkey.log", "valkey/valkey.conf"):
        assert stat.S_IMODE((home / secret).stat().st_mode) == 0o600
    for server in servers.each():
        assert server.process
        assert servers.postgres.password not in " ".join(psutil.Process(server.process.pid).cmdline())
        assert servers.postgres.password not in repr(server)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to step down")
def test_postgres_does_not_run_as_root(home: Path, start: list[Servers]) -> None:
    servers = plan(home, start, valkey=False)
    (process,) = servers.start()
    assert psutil.Process(process.pid).uids().effective != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's folders are closed to the account")
def test_a_closed_home_gets_its_data_elsewhere(
    home: Path, start: list[Servers], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    closed, place = home / "closed", home / "open"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr("config.embedded.postgres.OPEN_PLACE", place)
    plan(closed, start, valkey=False).start()
    assert (closed / "pg").readlink().is_relative_to(place)
    said = capsys.readouterr().out
    assert said.startswith(f"PostgreSQL keeps its data in {place}")
    assert said.count("\n") == 1


def test_a_killed_server_comes_back_with_what_was_committed(home: Path, start: list[Servers]) -> None:
    servers = plan(home, start, valkey=False)
    (process,) = servers.start()
    with psycopg.connect(servers.environ()["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("create table kept as select 1 as n")
        os.kill(process.pid, signal.SIGKILL)
    assert servers.postgres
    psutil.wait_procs([psutil.Process(process.pid)], timeout=5)
    (home / "pg" / "postmaster.pid").write_text(f"{os.getpid()}\n{home}/pg\n")  # the number is now another's
    servers = plan(home, start, valkey=False)
    servers.start()
    with psycopg.connect(servers.environ()["DATABASE_URL"]) as connection:
        assert connection.execute("select n from kept").fetchone() == (1,)


def test_a_server_left_running_is_replaced(home: Path, start: list[Servers]) -> None:
    (left,) = plan(home, start, valkey=False).start()
    (fresh,) = plan(home, start, valkey=False).start()
    assert not left.alive()
    assert fresh.alive()


def test_an_interrupted_first_start_is_begun_again(home: Path, start: list[Servers]) -> None:
    (home / "pg.new").mkdir()
    (home / "pg.new" / "half").write_text("made")
    plan(home, start, valkey=False).start()
    assert not (home / "pg.new").exists()


def test_data_of_another_postgres_is_left_alone(home: Path, start: list[Servers]) -> None:
    (home / "pg").mkdir()
    (home / "pg" / "PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedError, match="belongs to PostgreSQL 17"):
        plan(home, start, valkey=False).start()


def test_a_failed_start_tells_why_and_leaves_nothing(home: Path, start: list[Servers]) -> None:
    servers = plan(home, start)
    assert servers.postgres
    assert servers.valkey
    servers.valkey.port = servers.postgres.port
    with pytest.raises(EmbeddedError, match="Valkey did not start: Failed listening on port"):
        servers.start()
    assert not (home / "pg" / "postmaster.pid").exists()


def test_throwaway_servers_leave_nothing() -> None:
    home = Path(tempfile.mkdtemp(prefix="okno-test-"))
    state = embedded.start_throwaway(home)
    assert run_state.running(home) == state
    embedded.stop_throwaway(home)
    assert not any(process.alive() for process in state.processes)
    assert not home.exists()


def test_end_takes_the_whole_family_when_patience_is_over() -> None:
    stubborn = "trap '' TERM; sleep 100 & echo started; wait; wait"
    with subprocess.Popen(["sh", "-c", stubborn], stdout=subprocess.PIPE, start_new_session=True) as shell:
        assert shell.stdout
        shell.stdout.readline()
        (child,) = psutil.Process(shell.pid).children()
        run_state.end([Process.of("stubborn", shell.pid)], patience=0.2)
        assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_account_knows_closed_doors(tmp_path: Path) -> None:
    stranger = Account("stranger", uid=54321, gid=54321)
    door = tmp_path / "door"
    door.mkdir(mode=0o700)
    assert not stranger.can_reach(door)
    assert stranger.can_reach(Path("/"))
