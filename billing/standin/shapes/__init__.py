"""New objects with every key that Stripe's have, for the parts of Stripe that the stand-in knows.

A key that Stripe leaves out unless it is asked for ("includable": an invoice's payments, a session's line items) is not
here but in `expand`.
"""

from billing.standin.shapes.billing import invoice, line
from billing.standin.shapes.common import ADDRESS, CLOCK, YEAR, listed
from billing.standin.shapes.customers import customer, payment_method, tax_id
from billing.standin.shapes.paying import charge, dispute, invoice_payment, payment_intent, refund, setup_intent
from billing.standin.shapes.selling import coupon, discount, plan, price, product, promotion_code
from billing.standin.shapes.subscribing import invoice_item, subscription, subscription_item
from billing.standin.shapes.visits import checkout_session, portal_session, test_clock

__all__ = [
    "ADDRESS",
    "CLOCK",
    "YEAR",
    "charge",
    "checkout_session",
    "coupon",
    "customer",
    "discount",
    "dispute",
    "invoice",
    "invoice_item",
    "invoice_payment",
    "line",
    "listed",
    "payment_intent",
    "payment_method",
    "plan",
    "portal_session",
    "price",
    "product",
    "promotion_code",
    "refund",
    "setup_intent",
    "subscription",
    "subscription_item",
    "tax_id",
    "test_clock",
]
