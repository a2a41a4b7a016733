"""PostgreSQL and Valkey for one test run: started by the first test that asks, shared by all workers.

A plugin: tests/conftest.py names it in `pytest_plugins`. Which database in it is whose is not said here.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.embedded import RunState, run_state, start_throwaway, stop_throwaway
from config.settings import Settings
from crm.models import METADATA
from migrations.runner import Urls, upgrade

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


@contextmanager
def installation(name: str, pool: int, **more: str) -> Iterator[dict[str, str]]:
    """An Okno with servers of its own, at this release and with so many workspaces ready: the environment that leads
    to it."""
    home = Path(tempfile.mkdtemp(prefix=f"okno-{name}-"))
    state = start_throwaway(home)
    environ = {
        "DATABASE_URL": state.database_url, "REDIS_URL": state.redis_url, "OKNO_ENV": "embedded",
        "OKNO_SECRET_KEY": "a key for tests, long enough to pass as one", "OKNO_URL": "http://localhost:8000",
        "OKNO_PAYMENTS": "off", "OKNO_HOME": str(home / "okno"), **more,
    }  # fmt: skip
    try:
        here = Settings.from_env(environ)
        urls = Urls(here.database_url, here.workspace_database_url, here.control_database_url)
        upgrade(urls, METADATA, pool=pool, say=lambda _line: None)
        yield environ
    finally:
        stop_throwaway(home)
