"""Sessions of checkout and of the portal, and the clock."""

from billing.standin.shapes.common import CLOCK, YEAR
from billing.standin.store import new_id
from billing.standin.wire import Thing


def checkout_session(now: int, origin: str, given: Thing) -> Thing:
    id_ = new_id("cs_test", 58)
    return {
        "id": id_,
        "object": "checkout.session",
        "adaptive_pricing": None,
        "after_expiration": None,
        "allow_promotion_codes": given.get("allow_promotion_codes"),
        "amount_subtotal": None,
        "amount_total": None,
        "automatic_tax": {
            "enabled": given.get("automatic_tax", {}).get("enabled", False),
            "liability": {"type": "self"} if given.get("automatic_tax", {}).get("enabled") else None,
            "provider": "stripe" if given.get("automatic_tax", {}).get("enabled") else None,
            "status": None,
        },
        "billing_address_collection": given.get("billing_address_collection"),
        "cancel_url": given.get("cancel_url"),
        "client_reference_id": given.get("client_reference_id"),
        "client_secret": None,
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": now,
        "currency": given.get("currency"),
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": {
            "after_submit": None,
            "shipping_address": None,
            "submit": None,
            "terms_of_service_acceptance": None,
        },
        "customer": given.get("customer"),
        "customer_account": None,
        "customer_creation": None if given.get("customer") else "always",
        "customer_details": None,
        "customer_email": given.get("customer_email"),
        "discounts": [],
        "expires_at": given.get("expires_at", now + 86400),
        "integration_identifier": None,
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "locale": given.get("locale"),
        "managed_payments": {"enabled": False},
        "metadata": given.get("metadata", {}),
        "mode": given["mode"],
        "origin_context": None,
        "payment_intent": None,
        "payment_link": None,
        "payment_method_collection": given.get("payment_method_collection", "always"),
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "payment_status": "no_payment_required" if given["mode"] == "setup" else "unpaid",
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": "open",
        "submit_type": None,
        "subscription": None,
        "success_url": given.get("success_url"),
        "tax_id_collection": {
            "enabled": given.get("tax_id_collection", {}).get("enabled", False),
            "required": given.get("tax_id_collection", {}).get("required", "never"),
        },
        "total_details": None,
        "ui_mode": "hosted_page",
        "url": f"{origin}/dev/payments/checkout/{id_}",
        "wallet_options": None,
    }


def portal_session(now: int, origin: str, given: Thing) -> Thing:
    id_ = new_id("bps")
    return {
        "id": id_,
        "object": "billing_portal.session",
        "configuration": given.get("configuration", "bpc_standin"),
        "created": now,
        "customer": given["customer"],
        "customer_account": None,
        "flow": portal_flow(given.get("flow_data")),
        "livemode": False,
        "locale": given.get("locale"),
        "on_behalf_of": None,
        "return_url": given.get("return_url"),
        "url": f"{origin}/dev/payments/portal/{id_}",
    }


def portal_flow(given: Thing | None) -> Thing | None:
    if given is None:
        return None
    after = given.get("after_completion", {"type": "portal_homepage"})
    return {
        "after_completion": {
            "hosted_confirmation": after.get("hosted_confirmation"),
            "redirect": after.get("redirect"),
            "type": after["type"],
        },
        "subscription_cancel": given.get("subscription_cancel"),
        "subscription_update": given.get("subscription_update"),
        "subscription_update_confirm": given.get("subscription_update_confirm"),
        "type": given["type"],
    }


def test_clock(created: int, now: int) -> Thing:
    return {
        "id": CLOCK,
        "object": "test_helpers.test_clock",
        "created": created,
        "deletes_after": created + 10 * YEAR,
        "frozen_time": now,
        "livemode": False,
        "name": "The clock of the test payments",
        "status": "ready",
        "status_details": {},
    }
