"""`make run`'s supervisor, run as a program with small Procfiles of our own."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from config.children import ChildError, Restarts, read_procfile
from config.embedded import Process
from config.supervisor import StartError, check_disk

WEB = """
import http.server, os, sys, time

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/healthz" and self.headers["Host"].startswith("localhost") else 404)
        self.end_headers()

    def log_message(self, *_):
        pass

print("up for", os.environ["OKNO_ENV"])
http.server.HTTPServer(("127.0.0.1", int(os.environ[sys.argv[1]])), Page).serve_forever()
"""


@dataclass
class Okno:
    """One OKNO_HOME with a Procfile, and the runs of it."""

    folder: Path
    environ: dict[str, str]
    runs: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, procfile: str, **environ: str) -> "Run":
        (self.folder / "Procfile").write_text(textwrap.dedent(procfile))
        output = self.folder / f"output-{len(self.runs)}"
        with output.open("w") as file:
            run = subprocess.Popen(
                [sys.executable, "-m", "config.supervisor", "Procfile"],
                cwd=self.folder,
                env=self.environ | environ,
                stdout=file,
                stderr=file,
                text=True,
            )
        self.runs.append(run)
        return Run(run, output)


@dataclass
class Run:
    """A started supervisor and what it printed so far."""

    program: subprocess.Popen[str]
    output: Path

    def until(self, text: str, seconds: float = 20) -> None:
        """Wait until a line with `text` is printed."""
        wait_until(lambda: text in self.said or self.program.poll() is not None, seconds)
        assert text in self.said

    def ends(self, seconds: float = 20) -> int:
        return self.program.wait(seconds)

    @property
    def said(self) -> str:
        return self.output.read_text()


def wait_until(happened: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def okno(tmp_path: Path, open_folder: Path) -> Iterator[Okno]:
    """With servers that are not asked for anything, so nothing is embedded."""
    (tmp_path / "web.py").write_text(WEB)
    found = Okno(
        tmp_path,
        {
            "PATH": os.environ["PATH"],
            "OKNO_ENV": "embedded",
            "OKNO_HOME": str(tmp_path / "home"),
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "PORT": str(free_port()),
            "STREAM_PORT": str(free_port()),
        },
    )
    yield found
    for run in found.runs:
        if run.poll() is None:
            run.send_signal(signal.SIGINT)
            run.wait(40)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that root's PostgreSQL can reach, which pytest's own is not."""
    folder = Path(tempfile.mkdtemp(prefix="okno-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def saved_pids(okno: Okno) -> dict[str, int]:
    state = json.loads((Path(okno.environ["OKNO_HOME"]) / "run.json").read_text())
    return {process["name"]: process["pid"] for process in state["processes"]}


def test_ready_is_said_once_when_everything_answers(okno: Okno) -> None:
    run = okno.start(
        """
        # the order of a real one
        release: python -c "print('upgraded')"
        web: python web.py PORT
        stream: python web.py STREAM_PORT
        """
    )
    run.until("Okno is ready")
    run.program.terminate()
    assert run.ends() == 0
    lines = run.said.splitlines()
    assert lines[0] == "release | upgraded"
    assert set(lines[1:3]) == {"web     | up for embedded", "stream  | up for embedded"}
    assert lines[3:] == [f"Okno is ready at http://localhost:{okno.environ['PORT']}"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_every_child_and_grandchild(okno: Okno, how: signal.Signals) -> None:
    run = okno.start(
        """
        shell: sh -c "sleep 1000 & echo $! > grandchild; wait"
        quiet: sleep 1000
        """
    )
    wait_until(lambda: (okno.folder / "grandchild").exists() and (okno.folder / "grandchild").read_text() != "")
    run.until("Okno is ready")
    family = [*saved_pids(okno).values(), int((okno.folder / "grandchild").read_text())]
    assert all(psutil.pid_exists(pid) for pid in family)
    run.program.send_signal(how)
    assert run.ends(5) == 0
    wait_until(lambda: not any(psutil.pid_exists(pid) for pid in family))
    assert not (okno.folder / "home" / "run.json").exists()


def test_a_second_signal_does_not_wait(okno: Okno) -> None:
    run = okno.start("""stubborn: sh -c "trap '' TERM; echo deaf; while true; do sleep 0.1; done" """)
    run.until("deaf")
    wait_until(lambda: "stubborn" in saved_pids(okno))
    pid = saved_pids(okno)["stubborn"]
    run.program.terminate()
    time.sleep(0.3)
    assert run.program.poll() is None
    run.program.terminate()
    assert run.ends(5) == 0
    wait_until(lambda: not psutil.pid_exists(pid))


def test_a_child_that_fails_is_started_again(okno: Okno) -> None:
    run = okno.start(
        """
        worker: sh -c "test -e once && exec sleep 1000; touch once; exit 3"
        steady: sleep 1000
        """
    )
    run.until("worker ended with exit code 3; starting it again in 0.5 s")
    wait_until(lambda: psutil.pid_exists(saved_pids(okno).get("worker", -1)))
    steady = saved_pids(okno)["steady"]
    assert psutil.pid_exists(steady)
    os.kill(saved_pids(okno)["worker"], signal.SIGKILL)
    run.until("worker ended by SIGKILL; starting it again in 1 s")


def test_a_child_that_fails_always_ends_everything(okno: Okno) -> None:
    run = okno.start(
        """
        worker: sh -c "exit 3"
        steady: sleep 1000
        """
    )
    run.until("in 0.5 s")
    steady = saved_pids(okno)["steady"]
    assert run.ends(20) == 1
    pauses = re.findall(r"worker ended with exit code 3; starting it again in (\S+) s", run.said)
    assert pauses == ["0.5", "1", "2", "4"]
    assert run.said.splitlines()[-1] == "worker ended 5 times within a minute, so Okno stops"
    assert not psutil.pid_exists(steady)


def test_failures_far_apart_are_forgiven() -> None:
    restarts = Restarts("worker")
    assert [restarts.pause(now) for now in (0.0, 100.0, 110.0, 120.0, 125.0)] == [0.5, 0.5, 1.0, 2.0, 4.0]
    with pytest.raises(ChildError, match="worker ended 5 times within a minute"):
        restarts.pause(130.0)


def test_a_failed_release_starts_nothing(okno: Okno) -> None:
    run = okno.start(
        """
        release: sh -c "echo no such table; exit 2"
        web: touch started
        """
    )
    assert run.ends() == 1
    assert run.said.splitlines() == [
        "release | no such table",
        "`sh -c echo no such table; exit 2` failed with exit code 2, so Okno does not start",
    ]
    assert not (okno.folder / "started").exists()


def test_a_missing_program_is_told_before_anything_starts(okno: Okno) -> None:
    run = okno.start(
        """
        web: touch started
        worker: no-such-program --now
        """
    )
    assert run.ends() == 1
    assert run.said == "The Procfile's worker needs no-such-program, which is not installed: run make again\n"
    assert not (okno.folder / "started").exists()


def test_a_port_in_use_is_told_before_anything_starts(okno: Okno) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(okno.environ["STREAM_PORT"])))
        other.listen()
        run = okno.start("web: touch started")
        assert run.ends() == 1
    assert run.said.startswith(f"Port {okno.environ['STREAM_PORT']}, for stream, is in use by another program")
    assert run.said.count("\n") == 1
    assert not (okno.folder / "started").exists()


def test_a_second_run_of_the_same_home_is_refused(okno: Okno) -> None:
    first = okno.start("web: python web.py PORT")
    first.until("Okno is ready")
    second = okno.start("web: python web.py PORT", PORT=str(free_port()))
    assert second.ends() == 1
    expected = f"Okno already runs from {okno.environ['OKNO_HOME']} (process {first.program.pid})"
    assert second.said.startswith(expected)
    assert second.said.count("\n") == 1
    assert first.program.poll() is None


def test_a_run_that_was_killed_is_cleared_away(okno: Okno) -> None:
    first = okno.start("web: python web.py PORT")
    first.until("Okno is ready")
    left = saved_pids(okno)["web"]
    first.program.kill()
    first.ends()
    assert psutil.pid_exists(left)
    second = okno.start("web: python web.py PORT")
    second.until("Okno is ready")
    told = "The last run did not end in order; recovering its data. Ended what it had left running: web."
    assert second.said.splitlines()[0] == told
    assert Process("web", left, 0).pid != saved_pids(okno)["web"]


def test_a_wrong_setting_is_told_before_anything_starts(okno: Okno) -> None:
    run = okno.start("web: touch started", OKNO_ENV="production")
    assert run.ends() == 1
    assert run.said.startswith("OKNO_SECRET_KEY is not set")
    assert run.said.count("\n") == 1
    assert not (okno.folder / "started").exists()


def test_a_home_that_cannot_be_made_is_told(okno: Okno) -> None:
    (okno.folder / "file").write_text("")
    run = okno.start("web: touch started", OKNO_HOME=str(okno.folder / "file" / "home"))
    assert run.ends() == 1
    assert run.said == f"{okno.folder}/file/home: Not a directory\n"


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.supervisor.LEAST_DISK", 10**9)
    with pytest.raises(StartError, match=r"^The disk of .* is full: \d+ MB are free, and Okno needs"):
        check_disk(tmp_path)


def test_a_crooked_procfile_is_told(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("web: gunicorn\nworker\n")
    with pytest.raises(ChildError, match="line 2: write it as `name: command`"):
        read_procfile(tmp_path / "Procfile")


def test_with_embedded_servers(okno: Okno, open_folder: Path) -> None:
    """The whole way: servers up, a killed PostgreSQL back, everything gone at the end, data kept."""
    for name in ("DATABASE_URL", "REDIS_URL", "OKNO_ENV"):
        del okno.environ[name]
    okno.environ["OKNO_HOME"] = str(open_folder)
    ask = "import os, psycopg; print(psycopg.connect(os.environ['DATABASE_URL']).execute('{}').fetchone())"
    run = okno.start(
        f"""
        release: python -c "{ask.format("select 41 + 1")}"
        web: python web.py PORT
        """
    )
    run.until("Okno is ready")
    assert "release | (42,)" in run.said
    before = saved_pids(okno)
    assert list(before) == ["PostgreSQL", "Valkey", "web"]
    os.kill(before["PostgreSQL"], signal.SIGKILL)
    run.until("PostgreSQL ended unexpectedly; starting it again")
    wait_until(lambda: saved_pids(okno)["PostgreSQL"] != before["PostgreSQL"])
    after = saved_pids(okno)
    assert after["Valkey"] == before["Valkey"]
    run.program.terminate()
    assert run.ends() == 0
    assert not any(psutil.pid_exists(pid) for pid in after.values())

    begun = time.monotonic()
    again = okno.start("web: python web.py PORT")
    again.until("Okno is ready")
    assert time.monotonic() - begun < 5
    assert again.said.count("\n") == 2
