"""Programs that write by the API and note in files of their own what was acknowledged: the server is not asked later
what it said then. What has no answer is asked again, under the same key, until it has one."""

import http.client
import json
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from core.ids import new_id

TIMEOUT = 8.0  # seconds


@dataclass
class Client:
    """One client in one workspace; it makes tasks and deals of its own and adds to a task that all clients there
    share."""

    number: int
    port: int
    token: str
    shared: UUID
    tell: UUID
    colleague: UUID
    book: Path
    random: Random
    pause: float
    ending: threading.Event
    unknown: int = 0
    unfinished: list[str] = field(default_factory=list)

    def run(self) -> None:
        with self.book.open("w") as book:
            while not self.ending.is_set():
                kind = self.random.choice(("make", "make", "tell", "add", "deal"))
                mark = f"{self.number}-{new_id().hex}"
                done = self.make(mark, timed=kind == "tell") if kind in ("make", "tell") else getattr(self, kind)(mark)
                if done is not None:
                    book.write(json.dumps({"kind": kind, "mark": mark, "id": done}) + "\n")
                    book.flush()
                time.sleep(self.pause)

    def make(self, mark: str, *, timed: bool) -> str | None:
        """A task for a colleague; with `timed`, somebody is told some seconds later. Returns its id."""
        body: dict[str, Any] = {"id": str(new_id()), "name": f"load {mark}", "assignee_id": str(self.colleague)}
        if timed:
            at = datetime.now(UTC) + timedelta(seconds=self.random.uniform(4, 8))
            body |= {"tell_id": str(self.tell), "tell_at": at.isoformat()}
        for _ in self.tries(mark):
            status, _answer = self.call("POST", "/tasks", body, {"Idempotency-Key": mark})
            if status in (200, 201):
                return str(body["id"])
            if status == 422:  # its time has come before it was taken
                return None
        return None

    def deal(self, mark: str) -> str | None:
        """A deal, which a process takes up by itself. Returns its id."""
        body = {"id": str(new_id()), "name": f"load {mark}"}
        for _ in self.tries(mark):
            if self.call("POST", "/deals", body, {"Idempotency-Key": mark})[0] in (200, 201):
                return body["id"]
        return None

    def add(self, mark: str) -> str | None:
        """A mark behind those that are there, which another client must not lose."""
        path = f"/tasks/{self.shared}"
        for _ in self.tries(mark):
            status, task = self.call("GET", path)
            if status != 200:
                continue
            if mark in task["about"]:
                return str(self.shared)
            about = f"{task['about']} {mark}"
            status, _answer = self.call("PATCH", path, {"about": about}, {"If-Match": f'"{task["version"]}"'})
            if status == 200:
                return str(self.shared)
        return None

    def tries(self, mark: str) -> Any:
        """Until it is done, and half a minute beyond the end of the load."""
        late: float | None = None
        while late is None or time.monotonic() < late:
            yield
            self.unknown += 1
            time.sleep(self.random.uniform(0.05, 0.4))
            if late is None and self.ending.is_set():
                late = time.monotonic() + 30
        self.unfinished.append(mark)

    def call(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        """Status and answer; 0 where there is no answer."""
        connection = http.client.HTTPConnection("localhost", self.port, timeout=TIMEOUT)
        given = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json", **(headers or {})}
        try:
            connection.request(method, f"/api/v1{path}", None if body is None else json.dumps(body), given)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text or b"null")
        except (OSError, http.client.HTTPException, ValueError):
            return 0, None
        finally:
            connection.close()


def acknowledged(books: list[Path]) -> list[dict[str, str]]:
    return [json.loads(line) for book in books for line in book.read_text().splitlines()]
