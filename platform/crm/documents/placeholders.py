"""What a template of a deal's document may say, and the values: plain texts and lists of them, nothing else.

A line of NAMES is what is offered on the settings page. Beside them stands what was filled in at steps of the deal's
newest run of a process, as `steps.<element>.<field>`, and the business's own fields of the deal, its contact and its
company, as `deal.custom.<key>`.
"""

from decimal import Decimal
from typing import Any

from flask_babel import format_decimal
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from stdnum import iban as ibans

from core.actor import Actor
from core.days import today_in_workspace
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.items import Totals, net_of, totals
from crm.deals.models import Deal
from crm.deals.queries import stage_name
from crm.documents.actions import letterhead_of
from crm.fields.words import all_names, names_of, texts_of
from crm.processes.models import Instance, Step
from crm.quotes.actions import client_of
from crm.quotes.paper import cents, on_paper, price
from tenants.models import Member

NAMES: dict[str, Any] = {
    "deal.name": _l("What the deal is about"),
    "deal.amount": _l("Its amount without VAT, with the currency"),
    "deal.about": _l("What is noted about it"),
    "deal.stage": _l("Its stage"),
    "deal.expected_close": _l("When it is expected to close"),
    "deal.owner": _l("Whose deal it is"),
    "client.name": _l("The client: the company, else the person"),
    "client.person": _l("The person, where the client is a company"),
    "client.address": _l("The client's address"),
    "client.reg_no": _l("The client's registration number"),
    "client.vat_no": _l("The client's VAT number"),
    "client.email": _l("The client's e-mail"),
    "client.phone": _l("The client's phone"),
    "business.name": _l("Your business, as on quotes"),
    "business.address": _l("Your address"),
    "business.reg_no": _l("Your registration number"),
    "business.vat_no": _l("Your VAT number"),
    "business.email": _l("Your e-mail"),
    "business.phone": _l("Your phone"),
    "business.website": _l("Your web site"),
    "business.account": _l("Your bank account"),
    "items": _l("What is sold, line by line"),
    "items.name": _l("Of a line: what it is"),
    "items.quantity": _l("Of a line: how many"),
    "items.unit": _l("Of a line: the unit"),
    "items.price": _l("Of a line: the price of one"),
    "items.vat": _l("Of a line: the rate of VAT"),
    "items.net": _l("Of a line: the sum without VAT"),
    "totals.net": _l("All lines without VAT"),
    "totals.vat": _l("VAT of all lines"),
    "totals.gross": _l("All lines with VAT"),
    "today": _l("The day on which the document is made"),
    "me": _l("Who makes it"),
}
STEPS = "steps."
OF_BUSINESS = ("name", "address", "reg_no", "vat_no", "email", "phone", "website")


def offered(actor: Actor) -> dict[str, Any]:
    """What there is, with words for it: NAMES, and the business's own fields."""
    kinds = {"deal": _("Deal"), "contact": _("Contact"), "company": _("Company")}
    own = {name: f"{kinds[name.partition('.')[0]]}: {label}" for name, label in names_of(actor).items()}
    return {**NAMES, **own}


def unknown(actor: Actor, used: list[str]) -> list[str]:
    """Those of the placeholders that there are not. What a step asks for is known when the document is made."""
    known = {*offered(actor), *all_names(actor)}
    return [one for one in used if one not in known and not (one.startswith(STEPS) and one.count(".") == 2)]


def values_of(actor: Actor, deal: Deal) -> dict[str, Any]:
    """Every placeholder with its text, in the present language."""
    sums = totals(deal.items)
    business = letterhead_of(actor.db, actor.workspace.name)
    own = own_of(actor, deal)
    return {
        "deal": {
            "name": deal.name,
            "amount": "" if deal.amount is None else price(deal.amount, deal.currency),
            "about": deal.about,
            "stage": stage_name(actor, deal.stage_id),
            "expected_close": on_paper(deal.expected_close) if deal.expected_close else "",
            "owner": actor.db.scalar(select(Member.name).where(Member.id == deal.owner_id)) or "",
            "custom": own["deal"],
        },
        "contact": {"custom": own["contact"]},
        "company": {"custom": own["company"]},
        "client": {**client_of(actor, deal), "phone": phone_of(actor, deal)},
        "business": {
            **{name: getattr(business, name) for name in OF_BUSINESS},
            "account": ibans.format(business.iban) if business.iban else "",
        },
        "items": [item_of(item) for item in deal.items],
        "totals": total_texts(sums, deal.currency),
        "today": on_paper(today_in_workspace(actor)),
        "me": actor.member.name,
        "steps": steps_of(actor, deal),
    }  # fmt: skip


def own_of(actor: Actor, deal: Deal) -> dict[str, dict[str, str]]:
    """What is said in the business's own fields of the deal, its contact and its company, where the actor sees them."""
    contact = actor.db.scalar(actor.visible(Contact).where(Contact.id == deal.contact_id))
    company = actor.db.scalar(actor.visible(Company).where(Company.id == deal.company_id))
    return texts_of(actor, {"deal": deal, "contact": contact, "company": company})


def item_of(item: dict[str, Any]) -> dict[str, str]:
    rate = format_decimal(Decimal(item["vat_rate"]), "#,##0.##")
    return {
        "name": item["name"],
        "quantity": format_decimal(Decimal(item["quantity"]), "#,##0.###"),
        "unit": item["unit"],
        "price": cents(Decimal(item["unit_price"])),
        "vat": f"{rate} %",
        "net": cents(net_of(item)),
    }


def total_texts(sums: Totals, currency: str) -> dict[str, str]:
    return {name: price(getattr(sums, name), currency) for name in ("net", "vat", "gross")}


def phone_of(actor: Actor, deal: Deal) -> str:
    contact = actor.db.get(Contact, deal.contact_id) if deal.contact_id else None
    return str(contact.phones[0]["number"]) if contact and contact.phones else ""


def steps_of(actor: Actor, deal: Deal) -> dict[str, dict[str, str]]:
    """What was filled in at each step of the newest run about the deal."""
    newest = select(Instance.id).where(Instance.record_id == deal.id).order_by(Instance.id.desc()).limit(1)
    rows = select(Step.element, Step.values).where(
        Step.instance_id == newest.scalar_subquery(), Step.kind == "user", Step.state == "done"
    )
    found: dict[str, dict[str, str]] = {}
    for element, values in actor.db.execute(rows.order_by(Step.done_at)):
        found[element] = {name: text_of(value) for name, value in values.items() if not isinstance(value, dict | list)}
    return found


def text_of(value: Any) -> str:
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, int | float):
        return str(format_decimal(value, "#,##0.###"))
    return "" if value is None else str(value)
