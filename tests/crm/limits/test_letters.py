"""Owners are told by mail when a limit is nearly reached and when it is, in their language."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from sqlalchemy import text

from config.settings import settings
from core.mail import local_mailbox
from tests.crm.imports.importing import work
from tests.crm.limits.paying import cap, create
from tests.shop import Shop


def letters(shop: Shop) -> list[Any]:
    with shop.base.controlling() as control:
        email = control.scalar(text("select email from control.identity where id = :id"), {"id": shop.owner_id})
    box = local_mailbox(settings())
    mails = (
        message_from_bytes(box.get_bytes(key), _class=EmailMessage, policy=policy.default) for key in box.iterkeys()
    )
    return [mail for mail in mails if mail["To"] == email]


def test_owners_are_told_at_80_and_at_100_per_cent(shop: Shop) -> None:
    shop.member("admin", "Not told")
    cap(shop, contacts=5)
    for _ in range(5):
        create(shop)
    work(shop)
    nearly, full = letters(shop)
    assert {nearly["Subject"], full["Subject"]} == {
        "Contacts: the plan of Okna Horák is nearly full", "Contacts: the plan of Okna Horák is full",
    }  # fmt: skip
    body = full.get_body(("plain",)).get_content()
    assert "Contacts: 5 of 5 are in use." in body
    assert f"/{shop.workspace.slug}/settings/plan" in body


def test_an_address_that_nobody_confirmed_gets_no_letter(shop: Shop) -> None:
    with shop.base.controlling() as control:
        control.execute(text("update control.identity set confirmed_at = null where id = :id"), {"id": shop.owner_id})
    cap(shop, contacts=1)
    create(shop)
    work(shop)
    assert letters(shop) == []
