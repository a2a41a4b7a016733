"""A secret that a machine makes for itself once and keeps in a file."""

import contextlib
import os
import secrets
from pathlib import Path


def kept_secret(path: Path) -> str:
    """The secret in `path`, made at first use and readable by its owner alone. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_text().strip()
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(32))
    with contextlib.suppress(FileExistsError):  # another process was first: its secret holds
        os.link(fresh, path)
    fresh.unlink()
    return path.read_text().strip()
