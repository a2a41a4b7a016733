"""The live stream, spoken to as gunicorn speaks to it, with the real session, membership and Valkey."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import orjson
from redis.asyncio import Redis
from sqlalchemy import text

from config.settings import settings
from core.db import database
from crm import stream
from tenants import sessions
from tests.shop import Shop

Message = dict[str, Any]


class Listener:
    """One browser's connection: what was sent to it, and a way to hang up."""

    def __init__(self, path: str, cookie: str = "", **headers: str):
        given = {"host": "localhost:8001", "cookie": cookie, **headers}
        encoded = [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()]
        self.scope = {"type": "http", "path": path, "headers": encoded, "query_string": b""}
        self.sent: asyncio.Queue[Message] = asyncio.Queue()
        self.hung_up = asyncio.Event()

    async def receive(self) -> Message:
        await self.hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        await self.sent.put(dict(message))

    async def next(self, seconds: float = 5) -> Message:
        return await asyncio.wait_for(self.sent.get(), seconds)


async def listening(listener: Listener, story: Callable[[Redis], Awaitable[None]]) -> None:
    """Serve the connection while the story runs, then hang up; the application must end by itself."""
    stream.bell = stream.Bell()
    served = asyncio.create_task(stream.app(listener.scope, listener.receive, listener.send))
    async with Redis.from_url(settings().redis_url) as redis:
        await story(redis)
    listener.hung_up.set()
    await asyncio.wait_for(served, 5)
    assert not stream.bell.listeners
    if stream.bell.task:
        stream.bell.task.cancel()


MISSED = b"event: changed\ndata: " + stream.ANYTHING + b"\n\n"
RUNG = b'event: changed\ndata: {"kinds":["contact"],"request":"r"}\n\n'


def cookie_of(shop: Shop) -> str:
    with database().controlling() as control:
        return "okno=" + sessions.start(control, shop.owner_id, "127.0.0.1", "test")


async def ring(redis: Redis, role: str, *kinds: str) -> None:
    while not await redis.publish(f"live:{role}", orjson.dumps({"kinds": kinds, "request": "r"})):
        await asyncio.sleep(0.02)


def test_a_member_hears_of_changes_in_their_workspace_only(shop: Shop, other: Shop) -> None:
    listener = Listener(f"/live/{shop.workspace.slug}", cookie_of(shop), origin="http://localhost:8000")

    async def story(redis: Redis) -> None:
        start = await listener.next()
        headers = dict(start["headers"])
        assert start["status"] == 200
        assert headers[b"access-control-allow-origin"] == b"http://localhost:8000"
        assert (await listener.next())["body"] == b"retry: 3000\n\n"
        assert (await listener.next())["body"] == MISSED  # before anybody listened
        await ring(redis, other.workspace.role, "deal")
        await ring(redis, shop.workspace.role, "contact")
        assert (await listener.next())["body"] == RUNG

    asyncio.run(listening(listener, story))


def test_a_page_hears_what_was_rung_between_its_making_and_its_stream(shop: Shop, other: Shop) -> None:
    first = Listener(f"/live/{shop.workspace.slug}", cookie_of(shop))

    async def heard(made: float) -> list[bytes]:
        """By a page that was made then, until it is told nothing more."""
        page = Listener(f"/live/{shop.workspace.slug}", cookie_of(shop))
        page.scope["query_string"] = f"since={made * 1000:.0f}".encode()
        served = asyncio.create_task(stream.app(page.scope, page.receive, page.send))
        assert (await page.next())["status"] == 200
        assert (await page.next())["body"] == b"retry: 3000\n\n"
        bodies = []
        with suppress(TimeoutError):
            while True:
                bodies.append((await page.next(0.3))["body"])
        page.hung_up.set()
        await served
        return bodies

    async def story(redis: Redis) -> None:
        for _start in range(3):
            await first.next()
        await asyncio.sleep(0.01)  # `since` is in whole milliseconds
        before = time.time()
        await asyncio.sleep(0.01)
        await ring(redis, other.workspace.role, "deal")
        await ring(redis, shop.workspace.role, "contact")
        assert (await first.next())["body"] == RUNG
        await asyncio.sleep(0.01)
        after = time.time()
        assert await heard(before) == [RUNG]
        assert await heard(after) == []
        assert await heard(before - stream.KEPT) == [MISSED]
        for _more in range(stream.MOST_KEPT):
            await ring(redis, shop.workspace.role, "contact")
            await first.next()
        assert await heard(after) == [MISSED]

    asyncio.run(listening(first, story))


def test_strangers_hear_nothing(shop: Shop, other: Shop) -> None:
    path = f"/live/{shop.workspace.slug}"
    strangers = [
        (Listener(path), 404),
        (Listener(path, "okno=guess"), 404),
        (Listener(path, cookie_of(other)), 404),
        (Listener("/live/nowhere", cookie_of(shop)), 404),
        (Listener(path, cookie_of(shop), origin="http://elsewhere.example"), 403),
    ]

    async def refused(listener: Listener, status: int) -> None:
        await stream.app(listener.scope, listener.receive, listener.send)
        assert (await listener.next())["status"] == status

    for listener, status in strangers:
        asyncio.run(refused(listener, status))


def test_a_deactivated_member_is_cut_off_at_once(shop: Shop) -> None:
    listener = Listener(f"/live/{shop.workspace.slug}", cookie_of(shop))

    async def story(redis: Redis) -> None:
        for _start in range(3):
            await listener.next()
        with database().workspace(shop.workspace) as session, session.begin():
            session.execute(text("update member set state = 'left'"))
        await ring(redis, shop.workspace.role, "member")
        assert (await listener.next())["more_body"] is False

    asyncio.run(listening(listener, story))
