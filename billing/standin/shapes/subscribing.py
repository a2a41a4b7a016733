"""Subscriptions, their items, and what waits for the next invoice."""

from billing.standin.shapes.common import CLOCK, listed
from billing.standin.shapes.selling import plan
from billing.standin.store import new_id
from billing.standin.wire import Thing


def subscription(now: int, customer_id: str, currency: str) -> Thing:
    id_ = new_id("sub")
    return {
        "id": id_,
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": now,
        "billing_cycle_anchor_config": None,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible", "updated_at": None},
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": now,
        "currency": currency,
        "customer": customer_id,
        "customer_account": None,
        "days_until_due": None,
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        "items": listed([], f"/v1/subscription_items?subscription={id_}"),
        "latest_invoice": None,
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": {},
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": now,
        "status": "active",
        "test_clock": CLOCK,
        "transfer_data": None,
        "trial_end": None,
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": None,
    }


def subscription_item(now: int, subscription_id: str, price: Thing, quantity: int, period: tuple[int, int]) -> Thing:
    return {
        "id": new_id("si", 14),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": now,
        "current_period_end": period[1],
        "current_period_start": period[0],
        "discounts": [],
        "metadata": {},
        "plan": plan(price),
        "price": price,
        "quantity": quantity,
        "subscription": subscription_id,
        "tax_rates": [],
    }


def invoice_item(now: int, subscription: Thing, line: Thing) -> Thing:
    """What waits for the next invoice, made from the line that it will be."""
    return {
        "id": new_id("ii"),
        "object": "invoiceitem",
        "amount": line["amount"],
        "currency": line["currency"],
        "customer": subscription["customer"],
        "customer_account": None,
        "date": now,
        "description": line["description"],
        "discountable": False,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": {},
        "net_amount": line["amount"],
        "parent": {
            "subscription_details": {
                "subscription": subscription["id"],
                "subscription_item": line["parent"]["subscription_item_details"]["subscription_item"],
            },
            "type": "subscription_details",
        },
        "period": line["period"],
        "pricing": line["pricing"],
        "proration": True,
        "quantity": line["quantity"],
        "quantity_decimal": str(line["quantity"]),
        "tax_rates": [],
        "test_clock": CLOCK,
    }
