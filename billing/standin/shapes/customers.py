"""Customers, their VAT numbers and their cards."""

from billing.standin.shapes.common import ADDRESS, CLOCK
from billing.standin.store import new_id
from billing.standin.wire import Thing


def customer(now: int) -> Thing:
    id_ = new_id("cus", 14)
    return {
        "id": id_,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": id_[-8:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": CLOCK,
    }


def tax_id(now: int, customer_id: str, given: Thing) -> Thing:
    return {
        "id": new_id("txi"),
        "object": "tax_id",
        "country": given["value"][:2].upper() if given["type"] == "eu_vat" else None,
        "created": now,
        "customer": customer_id,
        "customer_account": None,
        "livemode": False,
        "owner": {"customer": customer_id, "customer_account": None, "type": "customer"},
        "type": given["type"],
        "value": given["value"],
        "verification": {"status": "verified", "verified_address": None, "verified_name": None},
    }


def payment_method(now: int, number: str, customer_id: str | None) -> Thing:
    return {
        "id": new_id("pm"),
        "object": "payment_method",
        "allow_redisplay": "limited",
        "billing_details": {"address": ADDRESS, "email": None, "name": None, "phone": None, "tax_id": None},
        "card": {
            "brand": "visa",
            "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
            "country": "US",
            "display_brand": "visa",
            "exp_month": 12,
            "exp_year": 2040,
            "fingerprint": f"standin{number[-4:]}",
            "funding": "credit",
            "generated_from": None,
            "last4": number[-4:],
            "networks": {"available": ["visa"], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": now,
        "customer": customer_id,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }
