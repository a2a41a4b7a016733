"""Owners change the plan, whoever may see what is in use looks at it, the others know nothing of it."""

import pytest

from core.actions import ACTIONS
from core.ids import new_id
from tests.billing.till import Till
from tests.crm.plan.customer import Customer, orders

PAGES = ("/settings/plan", "/settings/plan/review?plan=team&seats=1", "/settings/plan/invoices",
         "/settings/plan/tax-number", "/settings/plan/ending", "/settings/plan/done")  # fmt: skip
CHOICE = {"plan": "team", "period": "month", "seats": "9"}
FORMS = {
    "buy": CHOICE, "try": CHOICE, "change": {**CHOICE, "at": "1"}, "end": {}, "go-on": {}, "card": {}, "portal": {},
    "tax-number": {"number": "CZ25596641"},
}  # fmt: skip


def test_every_form_and_action_of_plans_is_tried_here_and_belongs_to_owners(till: Till) -> None:
    found = [rule for rule in till.app.url_map.iter_rules() if rule.endpoint.startswith("plan.")]
    assert {rule.rule.rpartition("/")[2] for rule in found if "POST" in (rule.methods or ())} == FORMS.keys()
    assert {rule.rule for rule in found if "GET" in (rule.methods or ())} == {path.partition("?")[0] for path in PAGES}
    rights = {action.right for name, action in ACTIONS.items() if name.startswith("billing.")}
    assert rights == {("billing", "edit")}


def send(person: Customer, form: str) -> Customer:
    order = {} if form in ("card", "portal") else {"order": str(new_id())}
    return person.see("/today").send(f"/settings/plan/{form}", **FORMS[form], **order)


def test_an_admin_looks_and_changes_nothing(till: Till) -> None:
    shop = till.shop()
    till.buy(shop, seats=2)
    admin = Customer(till, shop, shop.member("admin", "Eva Nová")).see()
    assert "Team, 2 seats" in admin.text
    assert "An owner of the workspace can change the plan." in admin.text
    assert not [form for form in admin.page.forms.values() if "/settings/plan" in form.action]
    assert "VAT number" not in admin.page.links
    assert admin.see("/settings/plan/invoices").status == 200
    assert admin.see("/settings/plan/review?plan=team&seats=1").status == 403
    assert admin.see("/settings/plan/tax-number").status == 403
    before = till.sync(shop)
    for form in FORMS:
        assert send(admin, form).status == 403, form
    after = till.sync(shop)
    assert (after.seats, after.cancel_at, after.status) == (before.seats, None, "active")
    assert till.gateway.tax_ids(after.customer_id or "") == []


@pytest.mark.parametrize("role", ["head", "sales", "field", "reader"])
def test_the_others_know_nothing_of_it(till: Till, role: str) -> None:
    shop = till.shop()
    member = Customer(till, shop, shop.member(role, "Petr Malý"))
    for path in PAGES:
        member.see(path)
        assert member.status == 403, path
    for form in FORMS:
        assert send(member, form).status == 403, form
    assert "/settings/plan" not in member.see("/settings/").html
    assert till.plan(shop) == ("free", 0)
    assert orders(till, shop) == []


def test_somebody_of_another_workspace_does_not_come_in(till: Till) -> None:
    ours, theirs = till.shop(), till.shop()
    stranger = ours.browser()
    for path in PAGES:
        assert stranger.get(theirs.path(path)).status_code == 403, path
