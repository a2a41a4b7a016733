"""What a member writes goes out whole, with an unguessable address for replies, and says what became of it."""

import pytest
from flask_babel import force_locale

from core import mail as core_mail
from core.errors import Forbidden, Invalid
from core.jobs import JOBS, Place
from crm.deals import actions as deals
from crm.mails import actions
from crm.mails.addresses import address, thread_in
from crm.mails.placeholders import by_keys, filled, in_words, offered, values
from crm.requests.models import Request
from tests.crm.fields.test_fields import add
from tests.crm.mails.post import Post
from tests.shop import Shop, csrf


def test_a_mail_goes_out_with_its_writers_name_and_an_address_for_replies(post: Post) -> None:
    mail = post.writes()
    assert [row.state for row in post.rows()] == ["waiting"]
    post.sends(mail)
    post.sends(mail)
    (sent,) = post.arrived.messages
    assert sent["From"].addresses[0].display_name == "Jana Dvořáková"
    assert (sent["To"], sent["Subject"]) == ("jan@example.com", "Your windows")
    assert sent["Reply-To"] == post.address(mail)
    assert len(post.address(mail).partition("@")[0]) <= 64
    assert sent["Auto-Submitted"] is None
    assert sent.get_content().replace("\r\n", "\n").strip() == "Dobrý den,\npošleme nabídku."
    (row,) = post.rows()
    assert (row.state, row.error, row.message_id) == ("sent", "", sent["Message-ID"])


def test_what_is_refused_for_good_has_failed_with_its_reason_and_is_sent_again_when_asked(
    post: Post, shop: Shop
) -> None:
    mail = post.writes()
    post.arrived.to_recipient = "550 5.1.1 No such user"
    post.sends(mail)
    (row,) = post.rows()
    assert (row.state, row.error) == ("failed", "the mail server answered 550")
    post.arrived.to_recipient = ""
    with shop.acting() as actor:
        actions.send_again(actor, actions.OneMail(id=mail.id))
    post.sends(mail)
    assert post.rows()[0].state == "sent"


def test_what_is_not_taken_now_waits_and_says_why(post: Post) -> None:
    mail = post.writes()
    post.arrived.to_data = "451 Later"
    with pytest.raises(core_mail.NotSent):
        post.sends(mail)
    (row,) = post.rows()
    assert (row.state, row.error) == ("waiting", "the mail server answered 451")


def test_an_address_for_replies_that_was_changed_names_nothing(post: Post, other: Shop) -> None:
    mail = post.writes()
    ours = post.address(mail)
    assert thread_in(post.config, f"Okno <{ours.upper()}>") == (post.shop.workspace.id, mail.id)
    name, _plus, rest = ours.partition("+")
    token, _at, domain = rest.partition("@")
    theirs = address(post.config, other.workspace, mail.id).partition("+")[2].partition("@")[0]
    for forged in (token[:-1] + ("a" if token[-2] != "a" else "b"), theirs[:8] + token[8:], "a" * len(token), ""):
        assert thread_in(post.config, f"{name}+{forged}@{domain}") in (None, (post.shop.workspace.id, mail.id))
    assert thread_in(post.config, f"{name}+{theirs[:8] + token[8:]}@{domain}") is None
    assert thread_in(post.config, f"{name}+{'a' * len(token)}@{domain}") is None


def test_placeholders_are_read_and_written_in_each_language_and_kept_in_none(shop: Shop) -> None:
    with shop.acting() as actor:
        czech = "Vážený pane {{ last name }}, píšu o {{name of the deal}}"
        words = offered(actor)
        kept = by_keys(actor, czech, "body")
        assert kept == "Vážený pane {{last_name}}, píšu o {{deal}}"
        assert in_words(kept, words) == "Vážený pane {{last name}}, píšu o {{name of the deal}}"
        with pytest.raises(Invalid):
            by_keys(actor, "{{__class__}}", "body")
        assert filled(kept, {"last_name": "Novák"}, words) == (
            "Vážený pane Novák, píšu o {{name of the deal}}",
            ["name of the deal"],
        )
        assert filled("{{last_name}}", {"last_name": "{{deal}}"}, words)[0] == "{{deal}}", "data is not read again"
        with force_locale("en"):
            template = actions.create_template(actor, actions.NewTemplate(name="Quote", body="Dear {{first name}}"))
        assert template.body == "Dear {{first_name}}"


def test_own_fields_are_placeholders_by_their_labels(post: Post, shop: Shop) -> None:
    person = post.contact()
    with shop.acting() as actor:
        add(actor, "Windows", "number")
        add(actor, "Allergies", "text", "contact")
        body = "{{deal: windows}} or {{ Deal:  Windows }}, {{contact: Allergies}}, {{deal.custom.windows}}"
        template = actions.create_template(actor, actions.create_template.parse({"name": "Own", "body": body}))
        assert template.body == (
            "{{deal.custom.windows}} or {{deal.custom.windows}}, {{contact.custom.allergies}}, {{deal.custom.windows}}"
        )
        given = {"name": "Flat", "contact_id": person.id, "custom": {"windows": 1250.5}}
        deal = deals.create(actor, deals.create.parse(given))
        said = values(actor, person, deal, None)
        text, missing = filled(template.body, said, offered(actor))
        assert text == "1,250.5 or 1,250.5, {{contact: Allergies}}, 1,250.5"
        assert missing == ["contact: Allergies"]
        sent = {"contact_id": person.id, "deal_id": deal.id, "template": "Own"}
        actions.send_template(actor, actions.send_template.parse(sent))
    assert [row.text for row in post.rows()] == ["1,250.5 or 1,250.5, , 1,250.5"]


def test_a_template_is_filled_with_what_is_known_and_what_is_missing_is_said_and_not_sent(
    post: Post, shop: Shop
) -> None:
    contact = post.contact()
    with shop.acting() as actor:
        body = "Dear {{first name}}, about {{name of the deal}} for {{amount of the deal}}. {{my name}}"
        template = actions.create_template(actor, actions.create_template.parse({"name": "Quote", "body": body}))
        deal = deals.create(actor, deals.create.parse({"name": "Windows for a flat", "contact_id": contact.id}))
    browser = shop.browser()
    path = shop.path(f"/mails/new?deal_id={deal.id}")
    form = {"csrf_token": csrf(browser, path), "deal_id": deal.id, "contact_id": contact.id, "to": "jan@example.com"}
    page = browser.post(shop.path("/mails/"), data={**form, "template_id": template.id, "fill": "1"})
    said = page.get_data(as_text=True)
    assert page.status_code == 422
    assert "Dear Jan, about Windows for a flat for {{amount of the deal}}. Jana Dvořáková" in said
    assert "Fill in by hand, or on the card: amount of the deal." in said
    refused = browser.post(shop.path("/mails/"), data={**form, "subject": "x", "body": "{{amount of the deal}}"})
    assert refused.status_code == 422
    assert post.rows() == []
    assert browser.post(shop.path("/mails/"), data={**form, "subject": "x", "body": "900"}).status_code == 303
    assert [row.deal_id for row in post.rows()] == [deal.id]
    card = browser.get(shop.path(f"/contacts/{contact.id}")).get_data(as_text=True)
    assert "on its way" in card


def test_who_may_not_write_writes_nothing(post: Post, shop: Shop) -> None:
    contact = post.contact()
    with pytest.raises(Forbidden):
        post.writes(shop.member("reader"), contact_id=contact.id)
    field = shop.member("field", "Jiří Malý")
    with pytest.raises(Invalid):
        post.writes(field, contact_id=contact.id)
    assert post.rows() == []


def test_a_line_break_in_a_subject_adds_no_header(post: Post) -> None:
    mail = post.writes(subject="Hello\r\nBcc: all@example.com")
    post.sends(mail)
    (sent,) = post.arrived.messages
    assert sent["Bcc"] is None
    assert sent["Subject"] == "Hello Bcc: all@example.com"


def test_a_mail_that_was_sent_stops_the_countdown_of_its_clients_request_and_one_of_a_process_does_not(
    post: Post, shop: Shop
) -> None:
    contact = post.contact()
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.add(Request(source="form", name="Jan Novák", state="converted", contact_id=contact.id))
    mail = post.writes(contact_id=contact.id)
    post.arrived.to_recipient = "550 5.1.1 No such user"
    post.sends(mail)
    assert shop.rows("select first_contact_at from request")[0].first_contact_at is None
    post.arrived.to_recipient = ""
    place = Place(shop.base, shop.workspace, 1, lambda: True)
    JOBS["mails.send"](place, mail_id=str(post.writes(contact_id=contact.id).id), by_hand=0)
    assert shop.rows("select first_contact_at from request")[0].first_contact_at is None
    post.sends(post.writes(contact_id=contact.id))
    (row,) = shop.rows("select first_contact_at, assignee_id from request")
    assert row.first_contact_at is not None
    assert row.assignee_id == mail.member_id
