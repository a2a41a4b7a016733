"""Answers come back from a real mailbox: once, into the thread that their address names, whatever they are made of."""

from typing import Any

import pytest
from sqlalchemy import text

from core.files import files
from crm.mails import receiving
from tests.crm.mails.post import Post
from tests.imap import Mailbox
from tests.shop import Shop


@pytest.fixture
def take(post: Post, server: Mailbox) -> Any:
    """`take(mails)` lays them into the mailbox and reads it; returns how many were new."""

    def taken(*mails: bytes) -> int:
        server.deliver(*mails)
        return receiving.take_new(post.config, server.imap, post.shop.base)

    taken()
    return taken


def strays(post: Post) -> list[Any]:
    with post.shop.base.controlling() as control:
        return list(control.execute(text("select * from control.stray_mail order by uid")).all())


def test_an_answer_stands_on_the_timeline_and_its_member_is_told(post: Post, shop: Shop, take: Any) -> None:
    mail = post.writes()
    answer = post.answer(mail, Message_ID="<1@example.com>")
    answer.add_alternative("<p>Děkuji, <b>beru</b>.</p>", subtype="html")
    answer.add_attachment(b"%PDF-1.7 not really", maintype="application", subtype="pdf", filename="../plán.pdf")
    assert take(answer.as_bytes()) == 1
    _ours, got = post.rows()
    assert (got.direction, got.state, got.thread_id, got.contact_id) == ("in", "received", mail.id, mail.contact_id)
    assert (got.from_name, got.from_address, got.subject) == ("Jan Novák", "jan@example.com", "Re: Your windows")
    assert (got.text, got.html) == ("Děkuji, beru.", "<p>Děkuji, <b>beru</b>.</p>")
    (file,) = shop.rows("select * from mail_file")
    assert file.name == "plán.pdf"
    with files().open(file.file_key) as content:
        assert content.read() == b"%PDF-1.7 not really"
    (told,) = shop.rows("select * from notification where kind = 'mail_answer'")
    assert (told.member_id, told.record_id) == (mail.member_id, mail.contact_id)
    browser = shop.browser()
    card = browser.get(shop.path(f"/contacts/{mail.contact_id}")).get_data(as_text=True)
    assert "Děkuji, beru." in card
    page = browser.get(shop.path(f"/mails/{got.id}")).get_data(as_text=True)
    assert "plán.pdf" in page
    kept = browser.get(shop.path(f"/mails/{got.id}/files/0"))
    assert (kept.data, kept.mimetype) == (b"%PDF-1.7 not really", "application/octet-stream")
    assert kept.headers["Content-Disposition"].startswith("attachment")


def test_a_mail_comes_in_once_however_often_it_is_read(post: Post, server: Mailbox, take: Any) -> None:
    mail = post.writes()
    answer = post.answer(mail, Message_ID="<same@example.com>")
    assert take(answer.as_bytes(), answer.as_bytes()) == 2
    assert len(post.rows()) == 3, "a Message-ID is whatever its sender writes: both are mails"
    assert take() == 0
    with post.shop.base.controlling() as control:
        control.execute(text("update control.mail_place set uid = 0"))
    assert take() == server.ids(), "as after a poller that was killed before it made its mark"
    assert len(post.rows()) == 3


def test_what_names_no_thread_is_left_in_the_mailbox_and_listed(
    post: Post, server: Mailbox, take: Any, other: Shop
) -> None:
    mail = post.writes()
    before, lying = len(strays(post)), server.ids()
    name, _at, domain = post.address(mail).partition("@")
    forged = post.answer(mail, To=f"{name[:-3]}aaa@{domain}", In_Reply_To=f"<{mail.id.hex}@localhost>")
    plain = post.answer(mail, To="replies@okno.example")
    assert take(forged.as_bytes(), plain.as_bytes()) == 2
    assert len(post.rows()) == 1
    assert [row.why for row in strays(post)[before:]] == ["it names no thread of ours"] * 2
    assert server.ids() == lying + 2
    assert other.rows("select 1 from mail") == []


def test_a_robots_answer_is_kept_and_nobody_is_told(post: Post, shop: Shop, take: Any) -> None:
    mail = post.writes()
    take(post.answer(mail, "I am on holiday", Auto_Submitted="auto-replied").as_bytes())
    assert post.rows()[-1].automatic
    assert shop.rows("select 1 from notification where kind = 'mail_answer'") == []


def hostile(to: str) -> list[bytes]:
    head = f"To: {to}\r\nFrom: x@example.com\r\n".encode()
    nested = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(3000))
    many = b"".join(b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" for _ in range(5000)) + b"--b--\r\n"
    return [
        head + nested,
        head + b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + many,
        head + b"Content-Type: text/plain; charset=no-such\r\n\r\n\xff\xfe\x00broken\x00",
        head + b"Content-Type: text/plain; charset=utf-7\r\n\r\n+ADw-script+AD4-",
        head + b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!not base64===",
        head + b"Subject: =?no-such?q?=FF?= =?utf-8?b?!!?= \x00\xff\r\n\r\nx",
        head + b'Content-Type: ;;;=\r\nContent-Disposition: "\r\n\r\nx',
        head + b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        head + b"Subject: " + b"(" * 100_000 + b"\r\n\r\nx",
        head + b"From: " + b"<" * 50_000 + b"\r\n\r\nx",
        head + b"Content-Type: text/html\r\n\r\n" + b"<div>" * 30_000,
        head.replace(b"\r\n", b"\n") + b"\nno line ends",
        head,
    ]


def test_hostile_mails_are_read_as_something_and_the_next_one_has_its_turn(post: Post, take: Any) -> None:
    mail = post.writes()
    mails = hostile(post.address(mail))
    assert take(*mails, post.answer(mail, "the last").as_bytes()) == len(mails) + 1
    rows = post.rows()
    assert len(rows) == len(mails) + 2
    assert rows[-1].text == "the last"
    assert all("\0" not in row.text for row in rows)


SCRIPTS = """<p onclick="alert(1)">x</p><script>alert(1)</script><img src=x onerror=alert(1)>
<a href="javascript:alert(1)">a</a><iframe src="https://evil.example"></iframe>
<form action="https://evil.example"><input name=password></form><svg onload=alert(1)>
<style>@import url(https://evil.example)</style><base href="https://evil.example">
<meta http-equiv=refresh content="0;url=x"><math><mtext><table><mglyph><style><!--</style>
<img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">"""


def test_html_is_cleaned_and_shown_in_a_frame_that_runs_and_loads_nothing(post: Post, shop: Shop, take: Any) -> None:
    mail = post.writes()
    answer = post.answer(mail)
    answer.set_content('<img src="https://tracker.example/1.gif">' + SCRIPTS, subtype="html")
    take(answer.as_bytes())
    got = post.rows()[-1]
    for gone in (
        "<script",
        "onclick",
        "onerror",
        "onload",
        "javascript:",
        "<iframe",
        "<form",
        "<style",
        "<base",
        "<meta",
    ):
        assert gone not in got.html.replace("&lt;", "").lower(), gone
    browser = shop.browser()
    shown = browser.get(shop.path(f"/mails/{got.id}/html"))
    policy = shown.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox ")
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "img-src 'none'" in policy
    assert "tracker.example" not in shown.get_data(as_text=True)
    asked = browser.get(shop.path(f"/mails/{got.id}/html?pictures=1"))
    assert "tracker.example" in asked.get_data(as_text=True)
    assert 'sandbox="allow-popups' in browser.get(shop.path(f"/mails/{got.id}")).get_data(as_text=True)


def test_who_does_not_see_the_thread_sees_neither_mail_nor_file(post: Post, shop: Shop, take: Any) -> None:
    mail = post.writes()
    answer = post.answer(mail)
    answer.add_attachment(b"secret", maintype="text", subtype="plain", filename="a.txt")
    take(answer.as_bytes())
    got = post.rows()[-1]
    stranger = shop.browser(shop.member("field", "Jiří Malý"))
    for path in (f"/mails/{got.id}", f"/mails/{got.id}/html", f"/mails/{got.id}/files/0"):
        assert stranger.get(shop.path(path)).status_code == 404
