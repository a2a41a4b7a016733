"""A provider and a DNS that run here, and the application told of them."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from config.settings import settings
from tests.crm.sso.office import Office
from tests.idp import Dns, Idp, running_dns, running_provider
from tests.shop import Shop


@pytest.fixture(scope="session")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Idp]:
    with running_provider(Path(tmp_path_factory.mktemp("idp"))) as idp:
        yield idp


@pytest.fixture(scope="session")
def names() -> Iterator[Dns]:
    with running_dns() as server:
        yield server


@pytest.fixture
def idp(started: Idp, names: Dns, app: Flask, monkeypatch: pytest.MonkeyPatch) -> Idp:
    """The provider, which the application may reach although it is inside, and trusts."""
    started.straight()
    names.records.clear()
    monkeypatch.setenv("SSL_CERT_FILE", str(started.authority))
    config = dataclasses.replace(settings(), inner_hosts=(started.host,), dns_servers=(names.address,))
    monkeypatch.setitem(app.config, "OKNO", config)
    return started


@pytest.fixture
def office(shop: Shop, idp: Idp, names: Dns) -> Office:
    return Office(shop, idp, names)


@pytest.fixture
def another(other: Shop, idp: Idp, names: Dns) -> Office:
    return Office(other, idp, names)
