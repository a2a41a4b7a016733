"""@Name in a note: whom it names."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tenants.models import Member


def mentioned(session: Session, words: str) -> set[UUID]:
    """The active members named behind an @: by the whole name, the longest that fits, or by a first name that only one
    of them has. An @ within a word is an e-mail address and names nobody."""
    if "@" not in words:
        return set()
    people = session.execute(
        select(Member.id, Member.name).where(Member.state == "active", Member.deleted_at.is_(None))
    )
    return named({row.id: row.name for row in people}, words)


def named(people: dict[UUID, str], words: str) -> set[UUID]:
    known = callable_names(people)
    text = words.casefold()
    found = set()
    for at, character in enumerate(text):
        if character == "@" and not (at and (text[at - 1].isalnum() or text[at - 1] in "._-")):
            rest = text[at + 1 :]
            name = next((name for name in known if rest.startswith(name) and not rest[len(name) :][:1].isalnum()), None)
            if name:
                found.add(known[name])
    return found


def callable_names(people: dict[UUID, str]) -> dict[str, UUID]:
    """Names as they may be written -> whose they are, the longest first; a name that two people have is nobody's."""
    whose: dict[str, set[UUID]] = {}
    for member_id, name in people.items():
        whole = " ".join(name.casefold().split())
        for called in {whole, whole.partition(" ")[0]} - {""}:
            whose.setdefault(called, set()).add(member_id)
    sole = {name: next(iter(ids)) for name, ids in whose.items() if len(ids) == 1}
    return dict(sorted(sole.items(), key=lambda pair: -len(pair[0])))
