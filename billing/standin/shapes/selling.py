"""What is sold, and what may be off it: products, prices, coupons."""

from billing.standin.store import new_id
from billing.standin.wire import Thing


def product(now: int, given: Thing) -> Thing:
    return {
        "id": given.get("id") or new_id("prod", 14),
        "object": "product",
        "active": given.get("active", True),
        "created": now,
        "default_price": None,
        "description": given.get("description"),
        "images": given.get("images", []),
        "livemode": False,
        "marketing_features": [],
        "metadata": given.get("metadata", {}),
        "name": given["name"],
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": given.get("statement_descriptor"),
        "tax_code": given.get("tax_code"),
        "type": "service",
        "unit_label": given.get("unit_label"),
        "updated": now,
        "url": given.get("url"),
    }


def price(now: int, given: Thing, product_id: str) -> Thing:
    recurring = given.get("recurring")
    return {
        "id": new_id("price"),
        "object": "price",
        "active": given.get("active", True),
        "billing_scheme": "per_unit",
        "created": now,
        "currency": given["currency"].lower(),
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": given.get("lookup_key"),
        "metadata": given.get("metadata", {}),
        "nickname": given.get("nickname"),
        "product": product_id,
        "recurring": recurring
        and {
            "interval": recurring["interval"],
            "interval_count": recurring.get("interval_count", 1),
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        },
        "tax_behavior": given.get("tax_behavior", "unspecified"),
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring" if recurring else "one_time",
        "unit_amount": given["unit_amount"],
        "unit_amount_decimal": str(given["unit_amount"]),
    }


def plan(price: Thing) -> Thing:
    """The old name of a price, which items still carry."""
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": "per_unit",
        "created": price["created"],
        "currency": price["currency"],
        "interval": price["recurring"]["interval"],
        "interval_count": price["recurring"]["interval_count"],
        "livemode": False,
        "metadata": price["metadata"],
        "meter": None,
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def coupon(now: int, given: Thing) -> Thing:
    return {
        "id": given["id"],
        "object": "coupon",
        "amount_off": given.get("amount_off"),
        "created": now,
        "currency": given.get("currency"),
        "duration": given["duration"],
        "duration_in_months": given.get("duration_in_months"),
        "livemode": False,
        "max_redemptions": None,
        "metadata": {},
        "name": given["name"],
        "percent_off": given.get("percent_off"),
        "redeem_by": None,
        "times_redeemed": 0,
        "valid": True,
    }


def promotion_code(now: int, code: str, coupon_id: str) -> Thing:
    return {
        "id": new_id("promo"),
        "object": "promotion_code",
        "active": True,
        "code": code,
        "created": now,
        "customer": None,
        "customer_account": None,
        "expires_at": None,
        "livemode": False,
        "max_redemptions": None,
        "metadata": {},
        "promotion": {"coupon": coupon_id, "type": "coupon"},
        "restrictions": {
            "first_time_transaction": False,
            "minimum_amount": None,
            "minimum_amount_currency": None,
        },
        "times_redeemed": 0,
    }


def discount(now: int, subscription: Thing, coupon: Thing, promotion: str | None, end: int | None) -> Thing:
    return {
        "id": new_id("di"),
        "object": "discount",
        "checkout_session": None,
        "customer": subscription["customer"],
        "customer_account": None,
        "end": end,
        "invoice": None,
        "invoice_item": None,
        "promotion_code": promotion,
        "source": {"coupon": coupon["id"], "type": "coupon"},
        "start": now,
        "subscription": subscription["id"],
        "subscription_item": None,
    }
