"""What it costs that the limits of plans hold exactly: in a write, in a contact made, in a call of the API."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from unittest.mock import patch

from sqlalchemy import text

from bench.figures import Figure
from bench.ground import Ground, Grounds
from bench.lists import BARE, LIST, bearer
from bench.timing import in_turn
from core import limits
from core.db import Workspace
from core.full import LimitReached
from crm.app import create_app
from crm.contacts.actions import create
from crm.contacts.models import Contact
from tenants.members import acting_identity

WRITES, ROUNDS = 400, 6
INSERT = text(
    f"insert into contact (id, {', '.join(BARE)}) values (gen_random_uuid(), "
    + ", ".join("cast(cast(:sort_key as text) as bytea)" if name == "sort_key" else f":{name}" for name in BARE)
    + ")"
)


def limit(grounds: Grounds) -> Iterator[Figure]:
    """A contact inserted and committed with its counter and without, by one writer and by eight in one workspace.

    Then the action that makes a contact, and the list of the API, each with the counting and without.
    """
    ground = grounds.few
    for writers, least in ((1, 0.6), (8, 0.3)):
        yield guarded(ground, writers, least)
    yield made(ground)
    yield listed(ground)


def guarded(ground: Ground, writers: int, least: float) -> Figure:
    workspace = ground.empty("limit")
    bare, counted = [], []
    for _ in range(ROUNDS):
        bare.append(rate(ground, workspace, writers, counting=False))
        counted.append(rate(ground, workspace, writers, counting=True))
    exact(ground, workspace, writers)
    ours, floor = sorted(counted)[ROUNDS // 2], sorted(bare)[ROUNDS // 2]
    promise = f"a write under a limit, {writers} writer{'s' if writers > 1 else ''}"
    return Figure(promise, f"{ours:.0f}/s, exact", f"{floor:.0f}/s", ours / floor, least, at_least=True)


def rate(ground: Ground, workspace: Workspace, writers: int, *, counting: bool) -> float:
    """Writes a second, each in a transaction of its own."""
    with ThreadPoolExecutor(writers) as pool:
        began = perf_counter()
        list(pool.map(lambda _at: write(ground, workspace, counting), range(WRITES)))
        return WRITES / (perf_counter() - began)


def write(ground: Ground, workspace: Workspace, counting: bool) -> bool:
    try:
        with ground.database.workspace(workspace) as session, session.begin():
            session.connection().execute(INSERT, BARE)
            if counting:
                limits.count(session, "contacts", 1)
    except LimitReached:
        return False
    return True


def exact(ground: Ground, workspace: Workspace, writers: int) -> None:
    """With half of the places that are wanted, just so many get one. Raises RuntimeError."""
    set_cap(ground, workspace, None)
    ground.empty("limit")
    set_cap(ground, workspace, WRITES // 2)
    with ThreadPoolExecutor(writers) as pool:
        stored = sum(pool.map(lambda _at: write(ground, workspace, True), range(WRITES)))
    set_cap(ground, workspace, None)
    with ground.owner() as owner:
        row = owner.execute(f"select count(*) from {workspace.schema}.contact").fetchone()
    if stored != WRITES // 2 or row != (stored,):
        raise RuntimeError(f"{WRITES // 2} places, {stored} writes stored, {row} rows")


def set_cap(ground: Ground, workspace: Workspace, cap: int | None) -> None:
    with ground.database.workspace(workspace) as session, session.begin():
        limits.set_caps(session, {"contacts": cap})


def made(ground: Ground) -> Figure:
    workspace = ground.empty("limit")
    counted = Contact.counted

    def contact(at: int) -> None:
        with acting_identity(ground.database, workspace, ground.person.id, "cli") as actor:
            create(actor, create.parse({"first_name": "Čeněk", "last_name": f"Růžička {at}"}))

    def uncounted(at: int) -> None:
        Contact.counted = ()
        try:
            contact(at)
        finally:
            Contact.counted = counted

    bare, ours = in_turn(uncounted, contact, times=600, warm=20)
    return Figure("create: the action with its limit", str(ours), str(bare), ours.p50 / bare.p50, 1.1)


def listed(ground: Ground) -> Figure:
    """In this process, in turn: what is compared is less than two servers differ by."""
    workspace = ground.workspace("size-100k", contacts=100_000)
    client, headers = create_app(ground.settings).test_client(), bearer(ground, workspace)

    def asking(cap: int | None) -> Callable[[int], object]:
        def ask(_at: int) -> None:
            with patch("crm.doors.calls_a_minute", lambda _plan: cap):
                answer = client.get(LIST, headers=headers)
            if answer.status_code != 200:
                raise RuntimeError(f"the list answered {answer.status_code}")

        return ask

    bare, ours = in_turn(asking(None), asking(10**9), times=600, warm=20)
    return Figure("list: with its calls counted", str(ours), str(bare), ours.p50 / bare.p50, 1.02)
