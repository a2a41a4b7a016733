"""What the tests of mails stand on: a workspace that mails, a mail server that takes it, and the mailbox of replies."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from config.settings import settings
from crm.mails import receiving, sending
from tests.crm.mails.post import Post
from tests.imap import Mailbox, dovecot
from tests.shop import Shop
from tests.smtp import inbox


@pytest.fixture
def post(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Post]:
    from config.settings import Smtp

    with inbox() as arrived:
        smtp = Smtp("127.0.0.1", arrived.port, "none")
        config = replace(settings(), smtp=smtp, replies_to="replies@okno.example")
        for module in (sending, receiving):
            monkeypatch.setattr(module, "settings", lambda: config)
        yield Post(shop, config, arrived)


@pytest.fixture(scope="module")
def server() -> Iterator[Mailbox]:
    with dovecot() as started:
        yield started
