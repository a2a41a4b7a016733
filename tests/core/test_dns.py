"""What the DNS is asked: TXT records, of the servers that the settings name."""

import dataclasses

import pytest

from config.settings import Settings
from core import dns
from tests.idp import running_dns


def test_texts_are_read_whole_and_a_silent_dns_is_told_from_an_empty_one() -> None:
    nowhere = {"DATABASE_URL": "postgresql://localhost/none", "REDIS_URL": "redis://localhost", "OKNO_ENV": "embedded"}
    config = Settings.from_env(nowhere | {"OKNO_SECRET_KEY": "only for asking the DNS of this very test"})
    with running_dns() as server:
        config = dataclasses.replace(config, dns_servers=(server.address,))
        server.records["a.example.com"] = ["one", "two words"]
        server.broken.add("broken.example.com")
        assert sorted(dns.texts(config, "a.example.com")) == ["one", "two words"]
        assert dns.texts(config, "b.example.com") == []
        with pytest.raises(dns.NoDns):
            dns.texts(config, "broken.example.com")
