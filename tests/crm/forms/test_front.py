"""The public page of a form: whatever a client sends is kept once and whole, and a robot gains nothing."""

import io
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis.exceptions import ConnectionError as NoValkey

from core.files import files
from crm.forms import spam
from crm.forms.models import Form
from crm.forms.spam import Crowds
from tests.crm.forms.client import Client, worked
from tests.crm.people import HARMFUL, RUNNING, Desk
from tests.crm.requests.house import form, seller, work
from tests.shop import Shop

PDF = b"%PDF-1.7\n" + b"x" * 100


def requests(shop: Shop) -> list[Any]:
    return shop.rows("select * from request order by id")


@pytest.fixture
def made(shop: Shop) -> Form:
    fields = [
        {"kind": "name", "required": True},
        {"kind": "email"},
        {"kind": "phone"},
        {"kind": "city"},
        {"kind": "message"},
        {"kind": "amount"},
        {"kind": "choice", "id": "q-colour", "label": "Colour", "options": ["white", "brown"]},
        {"kind": "check", "id": "q-fly", "label": "Fly screens"},
        {"kind": "file"},
        {"kind": "consent", "id": "q-consent", "label": "I agree", "text": "You keep my data.", "required": True},
    ]
    pipeline = shop.rows("select id from pipeline")[0].id
    return form(shop, fields=fields, pipeline_id=pipeline, origins=["https://www.example.com"])


def test_what_is_filled_in_becomes_a_request_with_its_proof_of_consent(shop: Shop, made: Form) -> None:
    client = Client.of(shop, made)
    page = client.open("?utm_source=ads&utm_medium=cpc&page=https://www.example.com/windows")
    text = page.get_data(as_text=True)
    assert 'name="utm_source" value="ads"' in text
    answer = client.send(
        client.token(page), name="Jan Novák", email="jan@example.com", phone="602 114 873", city="Brno",
        message="Six windows", amount="12 500,50", utm_source="ads", page="https://www.example.com/windows",
        **{"q-colour": "white", "q-fly": "yes", "q-consent": "yes"},
    )  # fmt: skip
    assert answer.status_code == 303
    assert client.http.get(answer.headers["Location"]).status_code == 200
    (sent,) = requests(shop)
    assert (sent.name, sent.email, sent.text, sent.doubts, sent.source) == (
        "Jan Novák", "jan@example.com", "Six windows", [], "form"
    )  # fmt: skip
    assert sent.answers == [{"label": "Colour", "value": "white"}, {"label": "Fly screens", "value": "yes"}]
    assert sent.utm == {"utm_source": "ads"}
    assert sent.page == "https://www.example.com/windows"
    assert sent.address == client.http.environ_base["REMOTE_ADDR"]
    (consent,) = sent.consents
    assert consent["text"] == "You keep my data."
    assert len(consent["hash"]) == 64
    assert consent["at"]
    work(shop)
    assert shop.rows("select city from contact")[0].city == "Brno"
    assert str(shop.rows("select amount from deal")[0].amount) == "12500.50"


def test_only_the_sites_named_may_frame_it_and_no_page_sets_a_cookie(shop: Shop, made: Form) -> None:
    client = Client.of(shop, made)
    answers = [
        client.open(),
        client.send(name="x", **{"q-consent": "yes"}),
        client.send(name=""),
        client.send("forged", work="1"),
    ]
    answers += [client.http.get(f"{client.path}{end}") for end in ("/done", "/look.css", "/embed.js", "x", "?frame=1")]
    for answer in answers:
        assert "Set-Cookie" not in answer.headers, answer.request.path
    policy = client.open().headers["Content-Security-Policy"]
    assert "frame-ancestors 'self' https://www.example.com" in policy
    assert "unsafe" not in policy
    card = Desk.of(shop).get("/requests/").headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in card
    assert client.http.get(f"{client.path}/embed.js").headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "style=" not in client.open().get_data(as_text=True)


def test_a_double_send_is_one_request_also_at_once(shop: Shop, made: Form) -> None:
    client = Client.of(shop, made)
    token = client.token()
    done = worked(token)

    def send(_number: int) -> int:
        again = Client.of(shop, made)
        return again.send(
            token, work=done, name="Jan", file=(io.BytesIO(PDF), "a.pdf"), **{"q-consent": "yes"}
        ).status_code

    with ThreadPoolExecutor(6) as threads:
        assert set(threads.map(send, range(6))) == {303}
    assert len(requests(shop)) == 1
    kept = shop.rows("select file_key from request_file")
    assert len(kept) == 1
    assert [key for key, _size in files().under(f"{shop.workspace.schema}/")] == [kept[0].file_key]


@pytest.mark.parametrize(
    ("values", "beside"),
    [
        ({"name": ""}, "name"),
        ({"email": "nonsense"}, "email"),
        ({"phone": "12"}, "phone"),
        ({"amount": "a lot"}, "amount"),
        ({"amount": "1e999999"}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"q-colour": "pink"}, "q-colour"),
        ({"q-consent": ""}, "q-consent"),
        ({"message": "m" * 10_001}, "message"),
        ({"city": "c" * 201}, "city"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(
    shop: Shop, made: Form, values: dict[str, str], beside: str
) -> None:
    client = Client.of(shop, made)
    typed = {"name": "Jan", "city": "Brno", "message": "Six\nwindows", "q-consent": "yes", **values}
    answer = client.send(**typed)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert f'id="{beside}-error"' in page
    assert all(value in page for name, value in typed.items() if name not in ("q-consent", "q-colour"))
    assert requests(shop) == []
    fixed = {**typed, beside: {"name": "Jan", "q-consent": "yes"}.get(beside, "")}
    assert client.send(client.token(answer), **fixed).status_code == 303
    assert len(requests(shop)) == 1


def test_hostile_text_is_kept_and_runs_nowhere(shop: Shop, made: Form) -> None:
    client = Client.of(shop, made)
    for text in RUNNING:
        refused = client.send(name="", message=text, **{"q-consent": "yes"}).get_data(as_text=True)
        assert not any(one in refused for one in HARMFUL)
        sent = {"name": text[:200], "message": text, "utm_source": text, "page": text, "q-consent": "yes"}
        assert client.send(**sent, **{"q-gone": text}).status_code == 303
    desk = Desk.of(shop)
    for sent in requests(shop):
        for place in ("", "/convert"):
            page = desk.page(f"/requests/{sent.id}{place}")
            assert not any(one in page for one in HARMFUL)
    assert [one.text for one in requests(shop)] == list(RUNNING)
    assert requests(shop)[0].answers[-1] == {"label": "q-gone", "value": RUNNING[0]}


@pytest.mark.parametrize(
    ("doubt", "how"),
    [
        ("honeypot", {"website": "https://spam.example"}),
        ("quick", {"age": 0}),
        ("stale", {"age": spam.LIFE + 10}),
        ("unproven", {"work": ""}),
        ("unproven", {"work": "x" * 20}),
    ],
)
def test_what_a_robot_may_have_sent_is_kept_to_be_checked_and_tells_nobody(
    shop: Shop, made: Form, doubt: str, how: dict[str, Any]
) -> None:
    client = Client.of(shop, made)
    token = client.token(age=how.pop("age", 60))
    assert client.send(token, name="Jan", **{"q-consent": "yes"}, **how).status_code == 303
    work(shop)
    (sent,) = requests(shop)
    assert sent.doubts == [doubt]
    assert sent.contact_by is None
    assert shop.rows("select id from contact") == []
    assert shop.rows("select id from notification") == []
    page = Desk.of(shop).page("/requests/?whose=check")
    assert "Jan" in page


@pytest.mark.parametrize("token", ["", "forged", "a.b.c.d", "00.1.0.x" * 50, "\u0000", "ž.1.2.ř"])
def test_a_forged_token_makes_no_request_and_loses_no_word(shop: Shop, made: Form, token: str) -> None:
    client = Client.of(shop, made)
    given = {"token": token, "name": "Jan", "message": "Six windows", "q-consent": "yes"}
    answer = client.http.post(client.path, data=given)
    assert answer.status_code == 422
    assert "Six windows" in answer.get_data(as_text=True)
    assert requests(shop) == []
    assert client.send(client.token(answer), name="Jan", **{"q-consent": "yes"}).status_code == 303


def test_a_token_of_another_form_is_worth_nothing(shop: Shop, made: Form) -> None:
    other = Client.of(shop, form(shop, name="Doors"))
    client = Client.of(shop, made)
    assert client.send(other.token(), name="Jan", **{"q-consent": "yes"}).status_code == 422
    assert requests(shop) == []


def test_a_flood_costs_more_work_is_kept_to_be_checked_and_in_the_end_turned_away(
    shop: Shop, made: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spam, "TOO_MANY_HERE", 8)
    client = Client.of(shop, made)
    answers = [client.send(name=f"Robot {number}", **{"q-consent": "yes"}) for number in range(10)]
    assert [answer.status_code for answer in answers] == [303] * 8 + [429] * 2
    assert "Robot 9" in answers[9].get_data(as_text=True)
    doubts = [one.doubts for one in requests(shop)]
    assert doubts == [[]] * spam.MANY_HERE + [["many here"]] * 3
    somebody = Client.of(shop, made)
    assert somebody.send(name="Jan", **{"q-consent": "yes"}).status_code == 303
    assert spam.bits_for(0) == spam.BITS < spam.bits_for(100) < spam.bits_for(10_000) == spam.MOST_BITS


def test_without_valkey_forms_work_and_floods_are_still_noticed(
    shop: Shop, made: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = Crowds("redis://127.0.0.1:1")
    monkeypatch.setattr(spam, "crowds", lambda: alone)
    client = Client.of(shop, made)
    for number in range(spam.MANY_HERE + 1):
        assert client.send(name=f"Jan {number}", **{"q-consent": "yes"}).status_code == 303
    assert [one.doubts for one in requests(shop)] == [[]] * spam.MANY_HERE + [["many here"]]
    with pytest.raises(NoValkey):
        alone.redis.ping()


# Files


def test_a_file_is_kept_and_given_out_only_as_an_attachment_to_who_sees_the_request(shop: Shop, made: Form) -> None:
    client = Client.of(shop, made)
    sent: dict[str, Any] = {"name": "Jan", "q-consent": "yes", "file": (io.BytesIO(PDF), "../../etc/Plán ú.pdf")}
    assert client.send(**sent).status_code == 303
    (kept,) = shop.rows("select * from request_file")
    assert (kept.name, kept.type, kept.size) == ("Plán ú.pdf", "application/pdf", len(PDF))
    path = f"/requests/{kept.request_id}/files/{kept.id}"
    answer = Desk.of(shop).get(path)
    assert answer.data == PDF
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    field_worker = Desk.of(shop, shop.member("field"))
    assert field_worker.get(path).status_code == 404


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"<html><script>alert(1)</script>", "page.html"),
        (b"<svg onload=alert(1)>", "picture.png"),
        (b"MZ\x90", "setup.exe"),
        (b"PK\x03\x04", "archive.zip"),
        (b"", "empty.pdf"),
        (b"#!/bin/sh", "script.pHaR"),
    ],
)
def test_a_file_of_another_kind_is_refused_beside_its_field(shop: Shop, made: Form, content: bytes, name: str) -> None:
    client = Client.of(shop, made)
    sent: dict[str, Any] = {
        "name": "Jan",
        "message": "kept words",
        "q-consent": "yes",
        "file": (io.BytesIO(content), name),
    }
    answer = client.send(**sent)
    assert answer.status_code == 422
    assert "kept words" in answer.get_data(as_text=True)
    assert 'id="file-error"' in answer.get_data(as_text=True)
    assert requests(shop) == []
    assert list(files().under(f"{shop.workspace.schema}/")) == []


def test_too_big_too_many_and_endless_bodies_are_refused_with_words(shop: Shop, made: Form) -> None:
    client = Client.of(shop, made)
    big: dict[str, Any] = {"name": "Jan", "q-consent": "yes", "file": (io.BytesIO(PDF + b"x" * 10 * 1024**2), "a.pdf")}
    assert client.send(**big).status_code == 422
    many: dict[str, Any] = {
        "name": "Jan",
        "q-consent": "yes",
        "file": [(io.BytesIO(PDF), f"{n}.pdf") for n in range(9)],
    }
    assert client.send(**many).status_code == 422
    huge = client.http.post(client.path, data={"file": (io.BytesIO(b"x" * 28 * 1024**2), "a.pdf")})
    assert huge.status_code == 413
    assert "Go back" in huge.get_data(as_text=True)
    fields = client.http.post(client.path, data="&".join(f"a{n}=1" for n in range(200_000)).encode(),
                              content_type="application/x-www-form-urlencoded")  # fmt: skip
    assert fields.status_code in (413, 422)
    for body, kind in ((b"{", "application/json"), (b"\xff\xfe", "text/plain"), (b"x", "multipart/form-data")):
        assert client.http.post(client.path, data=body, content_type=kind).status_code == 422
    assert requests(shop) == []


# Forms that are not there


def test_a_form_that_is_off_deleted_or_unknown_says_so(shop: Shop, made: Form) -> None:
    client = Client.of(shop, made)
    token = client.token()
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.get_one(Form, made.id).active = False
    assert client.open().status_code == 404
    assert client.send(token, name="Jan", **{"q-consent": "yes"}).status_code == 404
    assert client.open("?preview").status_code == 200
    assert client.send(token, query="?preview", name="Jan", **{"q-consent": "yes"}).status_code == 404
    for path in ("/f/1-nonsense", "/f/99999999999999999999-x", f"/f/{shop.workspace.id}-", f"{client.path}'"):
        assert client.http.get(path).status_code == 404
    assert requests(shop) == []


def test_a_robot_that_sends_at_once_is_quicker_than_a_person(shop: Shop, made: Form) -> None:
    seller(shop, "Jana")
    began = time.time()
    client = Client.of(shop, made)
    token = client.token(age=0)
    client.send(token, name="Jan", **{"q-consent": "yes"})
    assert ("quick" in requests(shop)[0].doubts) == (time.time() - began < spam.QUICK)
