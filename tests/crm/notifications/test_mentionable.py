"""Who is offered behind an @: whoever a mention would reach, by a few letters, and nobody else."""

import re
import time
from html import unescape
from uuid import UUID

import pytest
from sqlalchemy import text

from crm.notifications.mentionable import SHOWN
from crm.notifications.mentions import named
from tests.crm.notifications.office import Office
from tests.crm.people import HARMFUL, RUNNING, Desk, contact
from tests.shop import Shop, open_shop

JANA, PETR, EVA = "Jana Dvořáková", "Petr Malý", "Eva Nová"


def offered(office: Office, record: tuple[str, UUID], begun: str = "", by: str = PETR) -> list[str]:
    """The names in the list, as the script puts them into the text."""
    desk = Desk.of(office.shop, office.people[by])
    answer = desk.client.get(office.shop.path(f"/mentions/{record[0]}/{record[1]}"), query_string={"q": begun})
    assert answer.status_code == 200, answer.status_code
    return [unescape(name) for name in re.findall(r'role="option" data-name="([^"]*)"', answer.get_data(as_text=True))]


@pytest.fixture
def subject(office: Office) -> tuple[str, UUID]:
    """A deal that everybody here may see."""
    office.person("Šárka Nová-Ďuricová")
    return "deal", office.deal().id


@pytest.mark.parametrize(
    ("begun", "found"),
    [
        ("dv", [JANA]),
        ("DVOŘ", [JANA]),
        ("jana dv", [JANA]),
        ("  jana   dv", [JANA]),
        ("dur", ["Šárka Nová-Ďuricová"]),
        ("nov", [EVA, "Šárka Nová-Ďuricová"]),
        ("", [EVA, JANA, "Šárka Nová-Ďuricová"]),
        ("ořák", []),
        ("petr", []),  # oneself
        ("jana dvořáková said", []),
        ("(.*", []),
        ("\0%_", []),
    ],
)
def test_a_colleague_is_found_by_the_start_of_any_word_without_accents(
    office: Office, subject: tuple[str, UUID], begun: str, found: list[str]
) -> None:
    assert offered(office, subject, begun) == found


def test_what_is_chosen_is_a_mention_and_reaches_them(office: Office, subject: tuple[str, UUID]) -> None:
    rename(office.shop, EVA, "  Eva \t Nová  st.")
    everybody = {row.id: row.name for row in office.shop.rows("select id, name from member")}
    names = offered(office, subject)
    assert "Eva Nová st." in names
    for name in names:
        (member_id,) = named(everybody, f"Ask @{name} about it")
        assert " ".join(everybody[member_id].split()) == name
    office.note(PETR, f"@{names[0]} look", deal_id=subject[1])
    office.work()
    eva = next(row.id for row in office.shop.rows("select id from member where name like '%st.'"))
    told = office.shop.rows("select kind from notification where member_id = :eva", eva=eva)
    assert [row.kind for row in told] == ["mention"]


def test_whom_a_mention_would_not_reach_is_not_offered(office: Office) -> None:
    """Whoever may not see the record, works here no more, or shares their name."""
    office.person("Filip Terén", "field")
    for name in ("Dana Dvojitá", "Dana Dvojitá"):
        office.shop.member("sales", name)
    office.person("Olga Odešlá")
    with office.acting() as actor:
        actor.db.execute(text("update member set state = 'left' where name = 'Olga Odešlá'"))
        actor.db.commit()
    deal = office.deal()
    assert offered(office, ("deal", deal.id)) == [EVA, JANA]
    note = office.note(PETR, "What was said", deal_id=deal.id)
    assert offered(office, ("note", note.id)) == [EVA, JANA]
    office.note(PETR, "@Filip Terén look", deal_id=deal.id)
    office.work()
    assert office.told("Filip Terén") == []


def test_only_who_may_write_there_is_answered(office: Office) -> None:
    office.person("Rút Čtoucí", "reader")
    office.person("Filip Terén", "field")
    deal, note = office.deal(), office.note(text="Said", contact_id=contact(office.shop).id)
    reader, field, seller = (Desk.of(office.shop, office.people[name]) for name in ("Rút Čtoucí", "Filip Terén", PETR))
    assert reader.get(f"/mentions/deal/{deal.id}").status_code == 403
    assert field.get(f"/mentions/deal/{deal.id}").status_code == 404
    assert seller.get(f"/mentions/note/{note.id}").status_code == 403  # the owner's words
    assert seller.get(f"/mentions/member/{office.id_of(EVA)}").status_code == 404
    stranger = office.shop.app.test_client().get(office.shop.path(f"/mentions/deal/{deal.id}"))
    assert stranger.headers["Location"].startswith("/login?")
    with office.shop.app.test_request_context("/"):
        elsewhere = Office(open_shop(office.shop.app))
    theirs = elsewhere.deal()
    assert seller.get(f"/mentions/deal/{theirs.id}").status_code == 404
    assert seller.client.get(elsewhere.shop.path(f"/mentions/deal/{theirs.id}")).status_code in (403, 404)


def test_the_list_is_short_and_soon_there_among_five_hundred(office: Office, subject: tuple[str, UUID]) -> None:
    with office.acting() as actor:
        actor.db.execute(
            text(
                "insert into member (id, identity_id, name, email, role_id, language, time_zone) "
                "select gen_random_uuid(), gen_random_uuid(), 'Karel Tisící ' || n, n || '@example.com', role_id,"
                " language, time_zone from member, generate_series(1, 500) n where name = :name"
            ),
            {"name": PETR},
        )
        actor.db.commit()
    assert len(offered(office, subject)) == SHOWN
    began = time.perf_counter()
    assert offered(office, subject, "tis")[0] == "Karel Tisící 1"
    assert time.perf_counter() - began < 1


def test_names_and_positions_are_text_whatever_stands_in_them(office: Office, subject: tuple[str, UUID]) -> None:
    with office.acting() as actor:
        for name, words in zip((JANA, EVA), RUNNING, strict=False):
            row = {"name": name, "now": f"{words} {name}", "position": words}
            actor.db.execute(text("update member set name = :now, position = :position where name = :name"), row)
        actor.db.commit()
    page = Desk.of(office.shop, office.people[PETR]).page(f"/mentions/{subject[0]}/{subject[1]}")
    assert page.count("role=") == 3
    assert not any(harmful in page for harmful in HARMFUL)


def test_the_texts_that_are_read_for_mentions_have_the_list(office: Office) -> None:
    deal = office.deal()
    note = office.note(PETR, deal_id=deal.id)
    desk = Desk.of(office.shop, office.people[PETR])
    for path, kind, record_id, count in (
        (f"/deals/{deal.id}", "deal", deal.id, 2),
        (f"/notes/{note.id}/edit", "note", note.id, 1),
    ):
        where = office.shop.path(f"/mentions/{kind}/{record_id}")
        assert desk.page(path).count(f'data-mentions-url-value="{where}"') == count, path
    lost = Desk.of(office.shop).page(f"/deals/{deal.id}/lose")
    assert f'data-mentions-url-value="{office.shop.path(f"/mentions/deal/{deal.id}")}"' in lost
    refused = desk.send("/notes/", text="", deal_id=deal.id, form="note")
    assert refused.status_code == 422
    assert f'data-mentions-url-value="{office.shop.path(f"/mentions/deal/{deal.id}")}"' in refused.text
    assert desk.send("/notes/", text="", deal_id="../x", form="note").text.count("data-mentions-url-value") == 0


def rename(shop: Shop, name: str, new: str) -> None:
    with shop.acting() as actor:
        actor.db.execute(text("update member set name = :new where name = :name"), {"name": name, "new": new})
        actor.db.commit()
