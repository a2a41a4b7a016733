"""The load client: `python -m bench.load` reads a plan as JSON, sends requests, and writes what it saw as JSON.

One thread over raw keep-alive sockets, so that the client itself costs little of the machine it shares.
"""

import itertools
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

PATIENCE = 10.0  # seconds for the answers that are out when the window ends


@dataclass
class Line:
    """One connection and the answer it waits for."""

    port: int
    wire: socket.socket = field(init=False)
    received: bytes = b""
    length: int = -1
    sent_at: float = 0.0
    request: bytes = b""

    def __post_init__(self) -> None:
        self.connect()

    def connect(self) -> None:
        self.wire = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        self.wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: bytes) -> None:
        self.request, self.received, self.length = request, b"", -1
        self.sent_at = time.perf_counter()
        self.wire.sendall(request)

    def answered(self) -> int:
        """The status when the answer is complete, 0 while it is not, -1 when the server has closed the connection."""
        part = self.wire.recv(1 << 18)
        if not part:
            return -1
        self.received += part
        if self.length < 0:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return 0
            head = self.received[:end].lower()
            place = head.find(b"content-length:")
            if place < 0:
                raise ValueError("an answer came without Content-Length")
            self.length = end + 4 + int(head[place + 15 :].split(b"\r\n", 1)[0])
        return int(self.received[9:12]) if len(self.received) >= self.length else 0


def run(plan: dict[str, Any]) -> dict[str, Any]:
    requests: Iterator[tuple[str, str]] = itertools.cycle(plan["requests"])
    numbers = itertools.count(time.time_ns())
    times: list[float] = []
    statuses: dict[str, int] = {}
    waiting = 0
    with selectors.DefaultSelector() as ready:
        started = time.perf_counter()
        for _ in range(plan["connections"]):
            line = Line(plan["port"])
            ready.register(line.wire, selectors.EVENT_READ, line)
            line.send(packed(next(requests), next(numbers)))
            waiting += 1
        while waiting:
            found = ready.select(PATIENCE)
            if not found:
                raise TimeoutError("an answer did not come")
            for key, _ in found:
                line = key.data
                status = line.answered()
                if status == 0:
                    continue
                ready.unregister(line.wire)
                if status < 0:  # a worker that was recycled: the same request again, its wait included
                    line.wire.close()
                    line.connect()
                    line.wire.sendall(line.request)
                    ready.register(line.wire, selectors.EVENT_READ, line)
                    continue
                now = time.perf_counter()
                times.append((now - line.sent_at) * 1000)
                statuses[str(status)] = statuses.get(str(status), 0) + 1
                if now - started < plan["seconds"]:
                    ready.register(line.wire, selectors.EVENT_READ, line)
                    line.send(packed(next(requests), next(numbers)))
                else:
                    line.wire.close()
                    waiting -= 1
    return {"seconds": time.perf_counter() - started, "times": times, "statuses": statuses}


def packed(request: tuple[str, str], number: int) -> bytes:
    head, body = request
    unique = f"{number:x}"
    content = body.replace("@@N@@", unique).encode()
    length = f"\r\nContent-Length: {len(content)}" if content else ""
    return f"{head.replace('@@N@@', unique)}{length}\r\n\r\n".encode() + content


if __name__ == "__main__":
    sys.stdout.buffer.write(orjson.dumps(run(orjson.loads(sys.stdin.buffer.read()))))
