"""Whom PostgreSQL runs as. It refuses root, so a root's server runs as `nobody`, who must be let through."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from config.embedded.errors import EmbeddedError


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged user of this machine."""

    name: str
    uid: int
    gid: int

    @classmethod
    def for_data(cls, data: Path) -> Self | None:
        """As root: the owner of `data`, or `nobody` where there is none yet. Else None: ourselves."""
        if os.geteuid() != 0:
            return None
        try:
            if data.exists() and data.stat().st_uid != 0:
                found = pwd.getpwuid(data.stat().st_uid)
            else:
                found = pwd.getpwnam("nobody")
        except KeyError:
            raise EmbeddedError(
                "PostgreSQL refuses to run as root and finds no user `nobody`: start Okno as another user"
            ) from None
        return cls(found.pw_name, found.pw_uid, found.pw_gid)

    def can_reach(self, path: Path) -> bool:
        """Whether every folder on the way to `path`, itself included, lets this user through."""
        return all(self._may_enter(folder) for folder in (path, *path.parents))

    def _may_enter(self, folder: Path) -> bool:
        facts = folder.stat()
        if facts.st_uid == self.uid:
            return bool(facts.st_mode & stat.S_IXUSR)
        if facts.st_gid == self.gid:
            return bool(facts.st_mode & stat.S_IXGRP)
        return bool(facts.st_mode & stat.S_IXOTH)
