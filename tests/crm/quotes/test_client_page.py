"""The client's page: opened by its link alone, answered once, kind when it is too late."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from core.letters import here
from crm.documents import actions as documents
from crm.quotes import actions, links
from crm.quotes.models import Quote
from tests.crm.people import HARMFUL, RUNNING
from tests.crm.quotes.offering import page_of, sent, work
from tests.shop import Shop


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def test_the_page_shows_the_quote_in_the_look_of_the_business_and_keeps_to_itself(
    shop: Shop, client: FlaskClient
) -> None:
    with shop.acting() as actor:
        documents.change(actor, documents.LetterheadFields(name="Okna Horák s.r.o.", colour="#8a1538", terms="Záloha"))
        quote = sent(actor, language="cs")
    path = page_of(shop, quote.id)
    answer = client.get(path)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 200
    for words in ("Okna Horák s.r.o.", "Wooden window", "Petr Černý", "Záloha", "92\N{NO-BREAK SPACE}791,94"):
        assert words in page
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert "no-store" in answer.headers["Cache-Control"]
    assert "Set-Cookie" not in answer.headers
    assert "<script" not in page
    assert "#8a1538" in client.get(f"{path}/look.css").get_data(as_text=True)
    assert client.get(f"{path}/pdf").get_data().startswith(b"%PDF")
    assert client.get(f"{path}/logo").status_code == 410
    row = shop.rows("select state, seen_at from quote")[0]
    assert row.state == "sent", "looking is no answer"
    assert row.seen_at is not None


def test_acceptance_keeps_its_proof_fires_its_event_and_tells_the_owner(shop: Shop, client: FlaskClient) -> None:
    with shop.acting() as actor:
        quote, owner = sent(actor), actor.member.id
    path = page_of(shop, quote.id)
    assert client.post(f"{path}/accept", data={"name": " "}).status_code == 422
    assert shop.rows("select state from quote")[0].state == "sent"
    for _time in range(2):
        assert client.post(f"{path}/accept", data={"name": "Petr Černý"}).status_code == 303
    row = shop.rows("select state, answered_by, answered_at, answer_address from quote")[0]
    assert (row.state, row.answered_by, row.answer_address) == ("accepted", "Petr Černý", "127.0.0.1")
    assert row.answered_at is not None
    events = shop.rows("select action, via, member_id, after from event where action = 'quote.accept'")
    assert [(one.via, one.member_id, one.after["deal_id"]) for one in events] == [("client", None, str(quote.deal_id))]
    assert events[0].after["tell"] == str(owner)
    assert "You accepted this quote" in client.get(path).get_data(as_text=True)
    assert client.post(f"{path}/decline", data={"reason": "Too dear"}).status_code == 409
    assert shop.rows("select state, reason from quote")[0] == ("accepted", "")


def test_declining_needs_a_reason(shop: Shop, client: FlaskClient) -> None:
    with shop.acting() as actor:
        quote = sent(actor)
    path = page_of(shop, quote.id)
    assert client.post(f"{path}/decline", data={"reason": ""}).status_code == 422
    assert shop.rows("select state from quote")[0].state == "sent"
    assert client.post(f"{path}/decline", data={"reason": "Too dear"}).status_code == 303
    assert shop.rows("select state, reason from quote")[0] == ("declined", "Too dear")
    assert client.post(f"{path}/accept", data={"name": "Petr Černý"}).status_code == 409
    assert shop.rows("select state from quote")[0].state == "declined"


def test_after_its_day_the_page_says_so_kindly_and_a_new_one_can_be_asked_for(shop: Shop, client: FlaskClient) -> None:
    with shop.acting() as actor:
        quote = sent(actor)
        known = actor.db.get_one(Quote, quote.id)
        known.valid_until = known.valid_until.replace(year=2020)
        actor.db.commit()
    work(shop, "quote.expire")
    path = page_of(shop, quote.id)
    page = client.get(path).get_data(as_text=True)
    assert "no longer valid" in page
    assert "Ask for a new quote" in page
    assert client.post(f"{path}/accept", data={"name": "Petr Černý"}).status_code == 409
    assert "knows that you would like a new one" in client.post(f"{path}/again").get_data(as_text=True)
    assert [row.via for row in shop.rows("select via from event where action = 'quote.ask_again'")] == ["client"]
    assert shop.rows("select state from quote")[0].state == "expired"


def test_no_other_link_opens_anything(shop: Shop, other: Shop, client: FlaskClient) -> None:
    with shop.acting() as actor:
        quote, second = sent(actor), sent(actor)
    path = page_of(shop, quote.id)
    said, _dot, signature = path.rpartition(".")
    forged = (
        f"{said}.{signature[:-2]}xx", said, f"{said}.", f"{page_of(shop, second.id).rpartition('.')[0]}.{signature}",
        f"/quote/{other.workspace.id}.{quote.id.hex}.1.{signature}", "/quote/x", f"{path}x", "/quote/1.2.3.4",
    )  # fmt: skip
    for link in forged:
        for answer in (client.get(link), client.post(f"{link}/accept", data={"name": "Mallory"})):
            assert answer.status_code == 410, link
            assert "Set-Cookie" not in answer.headers
    with shop.acting() as actor:
        foreign = links.link_of(here(), other.workspace, actor.db.get_one(Quote, quote.id))
    assert client.get(f"/quote/{foreign}").status_code == 410, "signed, but of a workspace that has no such quote"
    assert client.get(path).status_code == 200
    with shop.acting() as actor:
        actions.relink(actor, actions.OneQuote(id=quote.id))
    assert client.get(path).status_code == 410
    assert client.get(page_of(shop, quote.id)).status_code == 200
    assert {row.state for row in shop.rows("select state from quote")} == {"sent"}


def test_a_draft_and_one_in_the_bin_have_no_page(shop: Shop, client: FlaskClient) -> None:
    with shop.acting() as actor:
        quote = sent(actor)
    path = page_of(shop, quote.id)
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.get_one(Quote, quote.id).deleted_at = quote.created_at
    assert client.get(path).status_code == 410


def test_nothing_that_people_wrote_runs_on_it(shop: Shop, client: FlaskClient) -> None:
    for words in RUNNING:
        with shop.acting() as actor:
            documents.change(actor, documents.LetterheadFields(name=words[:200], terms=words, footer=words))
            quote = sent(actor, note=words)
        path = page_of(shop, quote.id)
        client.post(f"{path}/decline", data={"reason": words, "who": words})
        page = client.get(path).get_data(as_text=True)
        assert not [harm for harm in HARMFUL if harm in page]
        shown = shop.browser().get(shop.path(f"/quotes/{quote.id}")).get_data(as_text=True)
        assert not [harm for harm in HARMFUL if harm in shown]


def test_floods_of_answers_are_slowed_down(shop: Shop, client: FlaskClient) -> None:
    with shop.acting() as actor:
        quote = sent(actor)
    path = page_of(shop, quote.id)
    place = {"REMOTE_ADDR": "203.0.113.77"}
    found = [client.post(f"{path}/accept", data={"name": ""}, environ_base=place).status_code for _one in range(21)]
    assert found[:20] == [422] * 20
    assert found[20] == 429
