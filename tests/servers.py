"""PostgreSQL and Valkey for one test run: started by the first test that asks, shared by all workers.

A plugin: tests/conftest.py names it in `pytest_plugins`. Which database in it is whose is not said here.
"""

import fcntl
import os
import tempfile
from pathlib import Path

import pytest

from config.embedded import RunState, run_state, start_throwaway, stop_throwaway

HOME = "OKNO_TEST_HOME"


def pytest_configure(config: pytest.Config) -> None:
    """The process that began the run names the folder; its workers inherit the name."""
    if not hasattr(config, "workerinput"):
        os.environ[HOME] = tempfile.mkdtemp(prefix="okno-test-")


def pytest_unconfigure(config: pytest.Config) -> None:
    """The same process stops what its workers started, when they are gone."""
    if not hasattr(config, "workerinput"):
        stop_throwaway(Path(os.environ.pop(HOME)))


@pytest.fixture(scope="session")
def servers() -> RunState:
    """The running servers: `database_url` is the superuser's."""
    home = Path(os.environ[HOME])
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return run_state.running(home) or start_throwaway(home)
