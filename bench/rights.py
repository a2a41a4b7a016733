"""What scopes cost: the same list for somebody who sees all, their department, or their own."""

from collections.abc import Iterator
from uuid import UUID

from bench.figures import Figure
from bench.ground import Ground, Grounds
from bench.serving import Measured, Request, Side, compare, served
from core.access import Scope, rights_of, scopes_in, work
from core.db import Workspace
from core.ids import new_id
from tenants import members, tokens
from tenants.members import acting_identity
from tenants.models import Department, Member, Role

PEOPLE = 30
DEPARTMENTS = 3
CONTACTS = 100_000
SCOPES: tuple[Scope, ...] = ("department", "own")
LIST = "/api/v1/contacts?limit=50&sort=-created"


def rights(grounds: Grounds) -> Iterator[Figure]:
    """GET of the 50 newest of 100,000 contacts, which belong to 30 members in 3 departments: as the owner, who sees
    all, and as members whose role reaches their department, and their own alone."""
    ground = grounds.few
    workspace = staffed(ground)
    everybody = Request(LIST, headers=bearer(ground, workspace, ground.person.id))
    with served(ground) as okno:
        asked = [Request(LIST, headers=bearer(ground, workspace, one(ground, workspace, scope))) for scope in SCOPES]
        whole, *narrow = compare(*(Side(okno, [request]) for request in (everybody, *asked)))
    for scope, found in zip(SCOPES, narrow, strict=True):
        yield Figure(
            f"list of 100,000, scope {scope}", said(found), said(whole),
            found.percentile(0.5) / whole.percentile(0.5), 1.3,
        )  # fmt: skip


def said(measured: Measured) -> str:
    return f"p50 {measured.percentile(0.5):.1f} ms, p95 {measured.percentile(0.95):.1f} ms"


def staffed(ground: Ground) -> Workspace:
    """The workspace with its people, among whom the contacts are shared out."""
    workspace = ground.workspace("rights")
    with ground.database.workspace(workspace) as session, session.begin():
        if session.query(Member).count() < PEOPLE:
            for scope in SCOPES:
                given = rights_of(work({"view": scope}), ["tokens"])
                session.add(Role(key=scope, rights=given, scopes=scopes_in(given)))
            departments = [new_id() for _ in range(DEPARTMENTS)]
            session.add_all(Department(id=id_, name=f"Department {id_}", path=[id_]) for id_ in departments)
            session.flush()
            for number in range(PEOPLE):
                role = SCOPES[number % 2]
                person = members.join(session, new_id(), f"Person {number}", f"{number}@example.com", role, "cs", "UTC")
                person.department_id = departments[number % DEPARTMENTS]
    return ground.workspace("rights", contacts=CONTACTS)


def one(ground: Ground, workspace: Workspace, scope: str) -> UUID:
    with ground.database.workspace(workspace) as session:
        found = session.query(Member.identity_id).join(Role).filter(Role.key == scope).order_by(Member.id).first()
    assert found
    return UUID(str(found[0]))


def bearer(ground: Ground, workspace: Workspace, identity_id: UUID) -> dict[str, str]:
    with acting_identity(ground.database, workspace, identity_id, "cli") as actor:
        return {"Authorization": f"Bearer {tokens.create(actor, tokens.NewToken(name='bench'))[1]}"}
