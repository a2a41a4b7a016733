"""The worker: RQ's, with children that have a limit of memory, and that is waited for when Okno stops.

Asked to stop (SIGTERM), a worker lets its child go on for GRACE seconds; then, or when a child was killed, what the
child had in hand goes to another worker at once.
"""

import gc
import logging
import os
import resource
import signal
import threading
import time
from contextlib import suppress
from types import FrameType
from typing import Any

import rq
from redis import Redis
from redis.exceptions import RedisError
from rq.exceptions import StopRequested
from rq.serializers import JSONSerializer
from sqlalchemy.exc import SQLAlchemyError

from core import jobs
from core.db import database

log = logging.getLogger(__name__)

LIFE = 5.0  # seconds after which a child takes no further turn
GRACE = 30.0  # seconds between SIGTERM and the end of the job in hand


class Worker(rq.Worker):
    """`memory` is how many bytes a child may have."""

    def __init__(self, queues: list[str], connection: Redis, memory: int) -> None:
        lines = [rq.Queue(name, connection=connection, serializer=JSONSerializer) for name in queues]
        super().__init__(lines, connection=connection, serializer=JSONSerializer, log_job_description=False)
        self.memory = memory
        self.stopping = False
        self.well = True  # whether the last child ended by itself

    def main_work_horse(self, job: Any, queue: Any) -> None:
        """The child's story: more memory than it may have ends in a MemoryError, which is a failure like any other."""
        resource.setrlimit(resource.RLIMIT_DATA, (self.memory, self.memory))
        jobs.holder = self.name
        super().main_work_horse(job, queue)

    def perform_job(self, job: Any, queue: Any, execution: Any) -> bool:
        """The turn that the child was made for, and those that wait after it, but for bulk: a child and its ways to the
        database cost more than most turns do."""
        until = time.monotonic() + LIFE
        well = super().perform_job(job, queue, execution)
        lines = [line for line in self.queues if line.name != "bulk"]
        while queue.name != "bulk" and time.monotonic() < until:
            found = rq.Queue.dequeue_any(lines, None, connection=self.connection, serializer=JSONSerializer)
            if found is None:
                break
            well = super().perform_job(*found, self.prepare_execution(found[0]))
        return well

    def monitor_work_horse(self, job: Any, queue: Any, execution: Any) -> None:
        try:
            super().monitor_work_horse(job, queue, execution)
        finally:
            self.hand_over()

    def wait_for_horse(self) -> Any:
        ended = super().wait_for_horse()
        self.well = ended[1] == os.EX_OK
        return ended

    def maintain_heartbeats(self, job: Any, execution: Any) -> None:
        """Without Valkey the child works on: what it does stands in the database."""
        with suppress(RedisError):
            super().maintain_heartbeats(job, execution)

    def hand_over(self) -> None:
        """A child that did not end by itself leaves its work to others."""
        if self.well:
            return
        try:
            jobs.release(database(), self.name, crashed=not self.stopping)
        except SQLAlchemyError as error:  # its lease ends in some seconds
            log.warning("the work in hand was not handed over: %s", type(error).__name__)

    def request_stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = self._stop_requested = True
        if not self.horse_pid:
            raise StopRequested()
        timer = threading.Timer(GRACE, self.end_child)
        timer.daemon = True
        timer.start()

    def end_child(self) -> None:
        if self.horse_pid:
            self.kill_horse(signal.SIGKILL)


def work(queues: list[str], connection: Redis, memory: int, *, burst: bool = False) -> None:
    """Take turns until asked to stop. RQ's worker ends where it does not understand what Valkey says, as after a
    restart; another takes its place."""
    gc.freeze()  # or each child would copy what it never changes
    with suppress(StopRequested):
        while True:
            try:
                worker = Worker(queues, connection, memory)
                worker.work(burst=burst, logging_level="WARNING")
                if burst or worker.stopping:
                    return
            except RedisError as error:
                log.warning("the worker waits: %s", type(error).__name__)
            time.sleep(1)
