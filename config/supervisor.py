"""`make run`: starts the embedded servers, then everything the Procfile names, and keeps it running.

In order: look for what would go wrong (an Okno that runs already, a port in use, a full disk), end what a
crashed run left, start PostgreSQL and Valkey, run the Procfile's `release` line, start the other lines,
wait until they answer, say that Okno is ready. Ctrl-C or SIGTERM stops it all in reverse. Whatever goes
wrong is one line and exit code 1.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import shlex
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

from config import embedded
from config.children import Child, ChildError, procfile, run_once
from config.embedded import EmbeddedError, Process, RunState, Servers, run_state
from config.settings import Settings, SettingsError, home_from, ports_from

LEAST_DISK = 300_000_000  # bytes: a new cluster, its write-ahead log, and room to work
READY_WITHIN = 60  # seconds
PORTS = {"web": "PORT", "stream": "STREAM_PORT"}  # the lines that answer /healthz, and where


class StartError(Exception):
    """Okno cannot start. Its text is one line for the person who starts it."""


def main() -> int:
    """Run until told to stop. Returns the exit code."""
    try:
        with _only_one(home_from(os.environ)) as home:
            return asyncio.run(_run(home, Path("Procfile"), dict(os.environ)))
    except (StartError, SettingsError, EmbeddedError, ChildError) as error:
        say(str(error), to=sys.stderr)
    except OSError as error:
        say(_explain(error), to=sys.stderr)
    return 1
