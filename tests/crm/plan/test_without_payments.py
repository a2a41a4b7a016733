"""On a server of one's own there are no plans, and nothing that would tell of them."""

import re

import pytest
from flask import Flask

from tests.crm.plan.customer import Sheet
from tests.shop import Shop, csrf

ADDRESSES = (
    "/settings/plan", "/settings/plan/review?plan=team&seats=1", "/settings/plan/done", "/settings/plan/invoices",
    "/settings/plan/tax-number",
)  # fmt: skip
FORMS = ("buy", "try", "change", "end", "go-on", "card", "portal", "tax-number")
PAGES = (
    "/today", "/contacts/", "/contacts/new", "/companies/", "/deals/", "/tasks/", "/people/", "/people/invite",
    "/imports/new", "/waiting/", "/settings/", "/settings/workspace", "/settings/roles",
    "/settings/tokens",
)  # fmt: skip
# Prices of the workspace's own price list are no plan's.
OF_PLANS = re.compile(r"\b(plans?|upgrade|pricing|seats?|trial|invoices?)\b", re.IGNORECASE)
OF_PLANS_CZECH = re.compile(r"\b(tarif\w*|předplat\w*|fakturac\w*|zkušební\w*)\b", re.IGNORECASE)


def test_the_addresses_of_plans_are_not_there(app: Flask, shop: Shop) -> None:
    owner = shop.browser()
    token = csrf(owner, shop.path("/contacts/new"))
    for path in ADDRESSES:
        assert owner.get(shop.path(path)).status_code == 404, path
    for name in FORMS:
        answer = owner.post(shop.path(f"/settings/plan/{name}"), data={"csrf_token": token, "plan": "team"})
        assert answer.status_code == 404, name
    assert owner.get("/pricing").status_code == 404
    assert app.test_client().post("/stripe/events", data=b"{}").status_code == 404
    assert owner.get("/dev/payments/").status_code == 404


@pytest.mark.parametrize("path", PAGES)
def test_no_page_tells_of_plans(shop: Shop, path: str) -> None:
    answer = shop.browser().get(shop.path(path))
    assert answer.status_code == 200
    html = answer.get_data(as_text=True)
    assert OF_PLANS.findall(Sheet(html).text) == []
    assert "/settings/plan" not in html
    assert "/pricing" not in html


@pytest.mark.parametrize("path", PAGES)
def test_no_czech_page_tells_of_plans(shop: Shop, path: str) -> None:
    owner = shop.browser()
    with shop.base.workspace(shop.workspace) as session, session.begin():
        session.connection().exec_driver_sql("update member set language = 'cs'")
    html = owner.get(shop.path(path)).get_data(as_text=True)
    assert 'lang="cs"' in html
    assert OF_PLANS_CZECH.findall(Sheet(html).text) == []


def test_signing_up_and_the_front_tell_of_none(app: Flask) -> None:
    for path in ("/", "/login", "/signup?plan=team&period=year"):
        html = app.test_client().get(path).get_data(as_text=True)
        assert OF_PLANS.findall(Sheet(html).text) == [], path
        assert "plan=team" not in html
