"""The live stream: one server-sent event "changed" to every open page of a workspace, so that it refreshes itself.

Runs as its own asynchronous process (`crm.stream:app`), since thousands of connections wait here and do nothing. A
message names kinds of record and the request that caused it, never data: the page asks for that with its own rights.
A page says when it was made (`since`), and hears first what was rung before its stream was open.
Who listens is asked again every 30 s and whenever a member changes, so that a stream does not outlive a right. When
Valkey is away the streams are closed; the pages then say so and refresh by themselves until it is back.
"""

import asyncio
import logging
import math
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from redis.asyncio import Redis
from redis.exceptions import RedisError

from config.settings import settings
from core.db import Workspace, database
from core.errors import Forbidden
from tenants import sessions
from tenants.directory import locate, locate_closing
from tenants.entrance import entering

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

ASK_AGAIN = 30.0  # seconds between two looks at the session and the membership
BEAT = 15.0  # seconds between comments that keep proxies from closing the connection
MEMBERS_CHANGED = b'"member"'
WAITING = 100  # messages a slow page may be behind before they are dropped; one refresh makes up for all
KEPT = 30.0  # seconds for which a message is kept for pages whose stream is not open yet
MOST_KEPT = 50  # messages of a workspace
ANYTHING = b'{"kinds":["*"]}'


class Bell:
    """Rings the pages of a workspace: one subscription to Valkey for the whole process."""

    def __init__(self) -> None:
        self.listeners: dict[str, set[asyncio.Queue[bytes | None]]] = defaultdict(set)
        self.kept: dict[str, deque[tuple[float, bytes]]] = defaultdict(lambda: deque(maxlen=MOST_KEPT))
        self.began = math.inf  # since when nothing was missed
        self.task: asyncio.Task[None] | None = None

    def join(self, role: str) -> "asyncio.Queue[bytes | None]":
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self.listen())
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(WAITING)
        self.listeners[role].add(queue)
        return queue

    def leave(self, role: str, queue: "asyncio.Queue[bytes | None]") -> None:
        self.listeners[role].discard(queue)
        if not self.listeners[role]:
            del self.listeners[role]

    def missed(self, role: str, since: float) -> list[bytes]:
        """What was rung from that moment on; where that is not known, that anything may have changed. Who is here
        before we listen ourselves is told so then."""
        if self.began == math.inf:
            return []
        kept = self.kept[role] if role in self.kept else deque[tuple[float, bytes]]()
        known_from = max(self.began, time.time() - KEPT, kept[0][0] if len(kept) == MOST_KEPT else 0.0)
        return [data for at, data in kept if at >= since] if since >= known_from else [ANYTHING]

    async def listen(self) -> None:
        """Pass on what is published until Valkey goes away; then close every stream."""
        redis = Redis.from_url(settings().redis_url, socket_connect_timeout=2, health_check_interval=10)
        try:
            async with redis.pubsub() as subscription:
                await subscription.psubscribe("live:*")
                async for message in subscription.listen():
                    if message["type"] == "psubscribe":
                        self.began = time.time()
                        for role in list(self.listeners):
                            self.ring(role, ANYTHING)
                    if message["type"] == "pmessage":
                        role, data = message["channel"].decode().removeprefix("live:"), message["data"]
                        self.kept[role].append((time.time(), data))
                        self.ring(role, data)
        except (RedisError, OSError) as error:
            log.warning("the live stream lost Valkey: %s", type(error).__name__)
        finally:
            self.began = math.inf
            for role in list(self.listeners):
                self.ring(role, None)
            await redis.aclose()

    def ring(self, role: str, data: bytes | None) -> None:
        for queue in self.listeners.get(role, ()):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(data)


bell = Bell()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application: /live/<workspace> and /healthz."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    if scope["type"] != "http":
        return
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    path = scope["path"]
    if path == "/healthz":
        await plain(send, 200, "ok\n")
        return
    allowed = origin_allowed(headers)
    workspace = await asyncio.to_thread(place, path, headers) if path.startswith("/live/") else None
    if workspace is None or not allowed:
        await plain(send, 403 if workspace else 404, "")
        return
    await stream(workspace, path, headers, since(scope), receive, send)


def since(scope: Scope) -> float:
    """When the page was made, in seconds of the epoch; one that does not say was made now."""
    given = parse_qs(scope["query_string"].decode("latin-1")).get("since", [""])[0]
    return int(given) / 1000 if given.isdecimal() else time.time()


async def lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def origin_allowed(headers: dict[str, str]) -> bool:
    """Pages of this very host, on whatever port; a browser sends no Origin where it is the same in all."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site", "same-origin") in ("same-origin", "same-site")
    return origin == settings().url or urlsplit(origin).hostname == urlsplit(f"//{headers.get('host', '')}").hostname


def place(path: str, headers: dict[str, str]) -> Workspace | None:
    """The workspace that the cookie's person may listen to, or None. Asks the database: call it in a thread."""
    cookie: SimpleCookie = SimpleCookie()
    try:
        cookie.load(headers.get("cookie", ""))
    except CookieError:
        return None
    morsel = cookie.get("__Host-okno") or cookie.get("okno")
    if morsel is None:
        return None
    base = database()
    with base.controlling() as control:
        person = sessions.find(control, morsel.value)
    slug = path.removeprefix("/live/").strip("/")
    workspace = locate(base, slug) or locate_closing(base, slug)
    if person is None or workspace is None:
        return None
    try:
        with entering(base, workspace, person):
            return workspace
    except Forbidden:
        return None


async def stream(
    workspace: Workspace, path: str, headers: dict[str, str], made: float, receive: Receive, send: Send
) -> None:
    queue = bell.join(workspace.role)
    for data in bell.missed(workspace.role, made):
        queue.put_nowait(data)
    gone = asyncio.create_task(disconnected(receive))
    loop = asyncio.get_running_loop()
    try:
        await send({"type": "http.response.start", "status": 200, "headers": stream_headers(headers)})
        await send({"type": "http.response.body", "body": b"retry: 3000\n\n", "more_body": True})
        asked = loop.time()
        while not gone.done():
            body = await next_message(queue, gone)
            if body is None:
                break
            if loop.time() - asked > ASK_AGAIN or MEMBERS_CHANGED in body:
                there = await asyncio.to_thread(place, path, headers)
                if there is None or there.role != workspace.role:  # the latter where a backup took its place
                    break
                asked = loop.time()
            await send({"type": "http.response.body", "body": body, "more_body": True})
        if not gone.done():
            await send({"type": "http.response.body", "body": b"", "more_body": False})
    except OSError:
        pass
    finally:
        gone.cancel()
        bell.leave(workspace.role, queue)


async def next_message(queue: "asyncio.Queue[bytes | None]", gone: "asyncio.Task[None]") -> bytes | None:
    """The next event as bytes of the stream, a comment after BEAT seconds of silence, None when it is over."""
    waiting = asyncio.create_task(queue.get())
    done, _ = await asyncio.wait({waiting, gone}, timeout=BEAT, return_when=asyncio.FIRST_COMPLETED)
    if waiting in done:
        data = waiting.result()
        return None if data is None else b"event: changed\ndata: " + data + b"\n\n"
    waiting.cancel()
    return None if gone in done else b": still here\n\n"


async def disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def stream_headers(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    found = [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"private, no-store"),
        (b"x-accel-buffering", b"no"),
        (b"vary", b"Origin, Cookie"),
    ]
    if "origin" in headers:
        found += [
            (b"access-control-allow-origin", headers["origin"].encode("latin-1")),
            (b"access-control-allow-credentials", b"true"),
        ]
    return found


async def plain(send: Send, status: int, text: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode(), "more_body": False})
