"""The calls of Stripe that the stand-in answers: for each its parameters, as the SDK names them, and what it does.

A handler gets the books, the parts of the path that were named, and the checked parameters; it returns the answer.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from billing.standin import cards, checkout, expand, invoices, money, previews, shapes, subscriptions
from billing.standin.life import advance
from billing.standin.store import Books
from billing.standin.wire import Refused, Thing, missing, wrong

Handler = Callable[..., Thing]


@dataclass(frozen=True)
class Endpoint:
    method: str
    path: re.Pattern[str]
    params: str
    handler: Handler


ENDPOINTS: list[Endpoint] = []
# What Stripe would do and the stand-in does not, so that nobody believes it was done.
NOT_HERE = {
    "SubscriptionCreateParams": "add_invoice_items backdate_start_date billing_cycle_anchor billing_cycle_anchor_config"
    " billing_schedules billing_thresholds collection_method default_tax_rates pending_invoice_item_interval",
    "SubscriptionUpdateParams": "add_invoice_items billing_schedules billing_thresholds collection_method"
    " default_tax_rates pause_collection pending_invoice_item_interval",
    "InvoiceCreatePreviewParams": "invoice_items schedule schedule_details",
    "InvoicePayParams": "forgive paid_out_of_band",
    "PriceCreateParams": "currency_options custom_unit_amount tiers tiers_mode transform_quantity unit_amount_decimal",
    "checkout.SessionCreateParams": "after_expiration custom_fields invoice_creation optional_items"
    " payment_intent_data shipping_address_collection shipping_options",
}


def call(method: str, path: str, params: str) -> Callable[[Handler], Handler]:
    """Declare a handler of `path`, in which {name} is a part that the handler gets by this name."""
    pattern = re.compile("/v1/" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))

    def declare(handler: Handler) -> Handler:
        ENDPOINTS.append(Endpoint(method, pattern, params, handler))
        return handler

    return declare


def found(method: str, path: str) -> tuple[Endpoint, dict[str, str]]:
    """The endpoint and the parts of its path. Raises Refused."""
    for endpoint in ENDPOINTS:
        fits = endpoint.path.fullmatch(path)
        if fits and endpoint.method == method:
            return endpoint, fits.groupdict()
    raise Refused(404, f"Unrecognized request URL ({method}: {path}). The test payments do not know this call.")


def check_here(params: str, given: Thing) -> None:
    """Raises Refused for a parameter that Stripe knows and the stand-in would only seem to follow."""
    for name in NOT_HERE.get(params, "").split():
        if name in given:
            raise wrong(f"The test payments do not know this parameter: {name}", name)


# ---- reading one, and many ----


def retrieving(path: str, params: str, kind: str) -> None:
    @call("get", path, params)
    def retrieve(books: Books, _given: Thing, **parts: str) -> Thing:
        return expand.shown(books.get(kind, next(iter(parts.values()))))


def listing(path: str, params: str, kind: str, **filters: str) -> None:
    """A list, newest first. `filters` leads from a parameter to the field, within by __, that must be equal to it."""

    @call("get", path, params)
    def found_all(books: Books, given: Thing, **parts: str) -> Thing:
        fields = {field: {**given, **parts}[name] for name, field in filters.items() if name in {**given, **parts}}
        things = [one for one in books.all(kind, **fields) if fits(one, given)]
        return page(things[::-1], given, f"/v1/{path.format(**parts)}")


def fits(thing: Thing, given: Thing) -> bool:
    """The filters that are no mere equality."""
    if thing.get("deleted"):
        return False
    if thing["object"] == "subscription":
        wanted = given.get("status")
        ended = thing["status"] in ("canceled", "incomplete_expired")
        if (wanted is None and ended) or (wanted == "ended" and not ended):
            return False
        if wanted not in (None, "all", "ended", thing["status"]):
            return False
    if "code" in given and thing["code"].lower() != given["code"].lower():
        return False
    if "lookup_keys" in given and thing["lookup_key"] not in given["lookup_keys"]:
        return False
    return within(thing["created"], given.get("created"))


def within(moment: int, wanted: int | Thing | None) -> bool:
    if wanted is None or isinstance(wanted, int):
        return wanted in (None, moment)
    checks = {"gt": moment.__gt__, "gte": moment.__ge__, "lt": moment.__lt__, "lte": moment.__le__}
    return all(checks[name](limit) for name, limit in wanted.items())


def page(things: list[Thing], given: Thing, url: str) -> Thing:
    """A page of what stands newest first: `limit` from 1 to 100, after or before the one that is named."""
    limit = given.get("limit", 10)
    if not 1 <= limit <= 100:
        raise wrong("This value must be between 1 and 100 (inclusive).", "limit")
    ids = [one["id"] for one in things]
    if "ending_before" in given:
        before = things[: place_of(ids, given["ending_before"], "ending_before")]
        return shapes.listed(before[-limit:], url, len(before) > limit)
    start = place_of(ids, given["starting_after"], "starting_after") + 1 if "starting_after" in given else 0
    return shapes.listed(things[start : start + limit], url, len(things) > start + limit)


def place_of(ids: list[str], id_: str, param: str) -> int:
    if id_ not in ids:
        raise missing("object", id_, param, 400)
    return ids.index(id_)


retrieving("products/{id}", "ProductRetrieveParams", "product")
retrieving("prices/{id}", "PriceRetrieveParams", "price")
retrieving("customers/{id}", "CustomerRetrieveParams", "customer")
retrieving("coupons/{id}", "CouponRetrieveParams", "coupon")
retrieving("promotion_codes/{id}", "PromotionCodeRetrieveParams", "promotion_code")
retrieving("checkout/sessions/{id}", "checkout.SessionRetrieveParams", "checkout.session")
retrieving("subscriptions/{id}", "SubscriptionRetrieveParams", "subscription")
retrieving("invoices/{id}", "InvoiceRetrieveParams", "invoice")
retrieving("payment_methods/{id}", "PaymentMethodRetrieveParams", "payment_method")
retrieving("payment_intents/{id}", "PaymentIntentRetrieveParams", "payment_intent")
retrieving("setup_intents/{id}", "SetupIntentRetrieveParams", "setup_intent")
retrieving("charges/{id}", "ChargeRetrieveParams", "charge")
retrieving("refunds/{id}", "RefundRetrieveParams", "refund")
retrieving("disputes/{id}", "DisputeRetrieveParams", "dispute")
listing("products", "ProductListParams", "product", active="active")
listing("prices", "PriceListParams", "price", active="active", product="product", currency="currency")
listing("customers", "CustomerListParams", "customer", email="email")
listing("customers/{customer}/tax_ids", "CustomerTaxIdListParams", "tax_id", customer="customer")
listing(
    "customers/{customer}/payment_methods", "CustomerPaymentMethodListParams", "payment_method", customer="customer"
)
listing("coupons", "CouponListParams", "coupon")
listing("promotion_codes", "PromotionCodeListParams", "promotion_code", active="active")
listing("checkout/sessions", "checkout.SessionListParams", "checkout.session", customer="customer", status="status",
        subscription="subscription")  # fmt: skip
listing("subscriptions", "SubscriptionListParams", "subscription", customer="customer")
listing("invoices", "InvoiceListParams", "invoice", customer="customer", status="status",
        subscription="parent__subscription_details__subscription")  # fmt: skip
listing("payment_methods", "PaymentMethodListParams", "payment_method", customer="customer", type="type")
listing("invoice_payments", "InvoicePaymentListParams", "invoice_payment", invoice="invoice", status="status")
listing("charges", "ChargeListParams", "charge", customer="customer", payment_intent="payment_intent")
listing("refunds", "RefundListParams", "refund", charge="charge", payment_intent="payment_intent")
listing("disputes", "DisputeListParams", "dispute", charge="charge", payment_intent="payment_intent")


# ---- what is sold ----


@call("post", "products", "ProductCreateParams")
def create_product(books: Books, given: Thing) -> Thing:
    if "id" in given and books.find(given["id"]):
        raise wrong("Product already exists.", "id", "resource_already_exists")
    return books.put(shapes.product(books.now, given))


@call("post", "products/{id}", "ProductUpdateParams")
def update_product(books: Books, given: Thing, **parts: str) -> Thing:
    product = books.get("product", parts["id"])
    product.update({name: given[name] for name in ("name", "active", "description") if name in given})
    product["metadata"] = subscriptions.with_metadata(product["metadata"], given.get("metadata", {}) or {})
    return books.put(product)


@call("post", "prices", "PriceCreateParams")
def create_price(books: Books, given: Thing) -> Thing:
    if "unit_amount" not in given:
        raise wrong("Missing required param: unit_amount.", "unit_amount", "parameter_missing")
    if "product_data" in given:
        product = books.put(shapes.product(books.now, given["product_data"]))
    else:
        product = books.get("product", given.get("product", ""), "product", 400)
    release_lookup_key(books, given)
    return books.put(shapes.price(books.now, given, product["id"]))


def release_lookup_key(books: Books, given: Thing) -> None:
    """A lookup key names one active price; `transfer_lookup_key` takes it from the one that has it."""
    for price in books.all("price", lookup_key=given["lookup_key"], active=True) if "lookup_key" in given else []:
        if not given.get("transfer_lookup_key"):
            raise wrong(f"A price (`{price['id']}`) already uses that lookup key.", "lookup_key")
        books.put({**price, "lookup_key": None})


@call("post", "prices/{id}", "PriceUpdateParams")
def update_price(books: Books, given: Thing, **parts: str) -> Thing:
    price = books.get("price", parts["id"])
    release_lookup_key(books, given)
    price.update({name: given[name] for name in ("active", "nickname", "lookup_key") if name in given})
    return books.put(price)


# ---- customers ----


@call("post", "customers", "CustomerCreateParams")
def create_customer(books: Books, given: Thing) -> Thing:
    customer = books.put(shapes.customer(books.now))
    fill_customer(books, customer, given)
    books.put(customer)
    for one in given.get("tax_id_data", []):
        books.put(shapes.tax_id(books.now, customer["id"], one))
    books.emit("customer.created", customer)
    return customer


@call("post", "customers/{id}", "CustomerUpdateParams")
def update_customer(books: Books, given: Thing, **parts: str) -> Thing:
    customer = living(books, parts["id"])
    fill_customer(books, customer, given)
    return books.change(customer, "customer.updated")


def living(books: Books, id_: str) -> Thing:
    customer = books.get("customer", id_)
    if customer.get("deleted"):
        raise missing("customer", id_)
    return customer


def fill_customer(books: Books, customer: Thing, given: Thing) -> None:
    for name in ("name", "email", "phone", "description", "tax_exempt", "balance", "preferred_locales"):
        if name in given:
            customer[name] = given[name] if given[name] != "" else None
    if "address" in given:
        address = given["address"] or None
        customer["address"] = address and {**shapes.ADDRESS, **address}
    if "metadata" in given:
        customer["metadata"] = subscriptions.with_metadata(customer["metadata"], given["metadata"])
    attached = {}
    if given.get("payment_method"):
        method = cards.method_called(books, given["payment_method"], customer)
        attached[given["payment_method"]] = method["id"]
    settings = given.get("invoice_settings") or {}
    if "default_payment_method" in settings:
        name = settings["default_payment_method"]
        known = attached.get(name) or (cards.method_called(books, name, customer)["id"] if name else None)
        customer["invoice_settings"]["default_payment_method"] = known


@call("delete", "customers/{id}", "CustomerDeleteParams")
def delete_customer(books: Books, _given: Thing, **parts: str) -> Thing:
    """What they subscribed to ends at once."""
    customer = living(books, parts["id"])
    for one in books.all("subscription", customer=customer["id"]):
        if one["status"] in subscriptions.LIVE:
            subscriptions.cancel(books, one["id"], {})
    books.emit("customer.deleted", customer)
    books.put({**customer, "deleted": True})
    return {"id": customer["id"], "object": "customer", "deleted": True}


@call("post", "customers/{customer}/tax_ids", "CustomerTaxIdCreateParams")
def create_tax_id(books: Books, given: Thing, **parts: str) -> Thing:
    customer = living(books, parts["customer"])
    if given["type"] == "eu_vat" and not re.fullmatch(r"[A-Z]{2}[0-9A-Z]{6,12}", given["value"]):
        raise wrong("Invalid value for eu_vat.", "value", "tax_id_invalid")
    tax_id = books.put(shapes.tax_id(books.now, customer["id"], given))
    books.emit("customer.tax_id.created", tax_id)
    return tax_id


@call("delete", "customers/{customer}/tax_ids/{id}", "CustomerTaxIdDeleteParams")
def delete_tax_id(books: Books, _given: Thing, **parts: str) -> Thing:
    tax_id = books.get("tax_id", parts["id"])
    books.drop(tax_id["id"])
    books.emit("customer.tax_id.deleted", tax_id)
    return {"id": tax_id["id"], "object": "tax_id", "deleted": True}


@call("post", "payment_methods/{id}/attach", "PaymentMethodAttachParams")
def attach_method(books: Books, given: Thing, **parts: str) -> Thing:
    return cards.method_called(books, parts["id"], living(books, given["customer"]))


@call("post", "payment_methods/{id}/detach", "PaymentMethodDetachParams")
def detach_method(books: Books, _given: Thing, **parts: str) -> Thing:
    method = books.get("payment_method", parts["id"])
    customer = books.get("customer", method["customer"])
    if customer["invoice_settings"]["default_payment_method"] == method["id"]:
        customer["invoice_settings"]["default_payment_method"] = None
        books.change(customer, "customer.updated")
    method["customer"] = None
    books.put(method)
    books.emit("payment_method.detached", method, {"customer": customer["id"]})
    return method


# ---- checkout and portal ----


@call("post", "checkout/sessions", "checkout.SessionCreateParams")
def create_session(books: Books, given: Thing) -> Thing:
    return checkout.create(books, given)


@call("post", "checkout/sessions/{id}/expire", "checkout.SessionExpireParams")
def expire_session(books: Books, _given: Thing, **parts: str) -> Thing:
    return checkout.expire(books, parts["id"])


@call("get", "checkout/sessions/{id}/line_items", "checkout.SessionListLineItemsParams")
def session_line_items(books: Books, _given: Thing, **parts: str) -> Thing:
    return expand.line_items_of(books, books.get("checkout.session", parts["id"]))


@call("post", "billing_portal/sessions", "billing_portal.SessionCreateParams")
def create_portal(books: Books, given: Thing) -> Thing:
    if "customer" not in given:
        raise wrong("Missing required param: customer.", "customer", "parameter_missing")
    living(books, given["customer"])
    flow = given.get("flow_data", {})
    for part in ("subscription_cancel", "subscription_update", "subscription_update_confirm"):
        if part in flow:
            books.get("subscription", flow[part]["subscription"], f"flow_data[{part}][subscription]", 400)
    return books.put(shapes.portal_session(books.now, books.origin, given))


# ---- subscriptions and invoices ----


@call("post", "subscriptions", "SubscriptionCreateParams")
def create_subscription(books: Books, given: Thing) -> Thing:
    return subscriptions.create(books, given)


@call("post", "subscriptions/{id}", "SubscriptionUpdateParams")
def update_subscription(books: Books, given: Thing, **parts: str) -> Thing:
    return subscriptions.update(books, parts["id"], given)


@call("delete", "subscriptions/{id}", "SubscriptionCancelParams")
def cancel_subscription(books: Books, given: Thing, **parts: str) -> Thing:
    return subscriptions.cancel(books, parts["id"], given)


@call("post", "invoices/create_preview", "InvoiceCreatePreviewParams")
def preview_invoice(books: Books, given: Thing) -> Thing:
    return previews.preview(books, given)


@call("post", "invoices/{id}/pay", "InvoicePayParams")
def pay_invoice(books: Books, given: Thing, **parts: str) -> Thing:
    """A card that says no leaves its mark: the refusal carries `keep`, so that what happened stays."""
    invoice = books.get("invoice", parts["id"])
    if invoice["status"] == "paid":
        raise wrong("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] not in ("open", "draft"):
        raise wrong(f"This invoice cannot be paid: it is {invoice['status']}.")
    method = None
    if "payment_method" in given:
        customer = books.get("customer", invoice["customer"])
        method = cards.method_called(books, given["payment_method"], customer)
    outcome = subscriptions.settle(books, invoice, method)
    if not outcome.paid:
        refusal = invoices.unpaid(outcome, "invoice_payment_intent_requires_action")
        refusal.keep = True
        raise refusal
    return invoice


@call("post", "invoices/{id}/void", "InvoiceVoidInvoiceParams")
def void_invoice(books: Books, _given: Thing, **parts: str) -> Thing:
    invoice = books.get("invoice", parts["id"])
    if invoice["status"] != "open":
        raise wrong("You can only pass in open invoices. This invoice isn't open.")
    invoices.void(books, invoice)
    return invoice


@call("post", "refunds", "RefundCreateParams")
def create_refund(books: Books, given: Thing) -> Thing:
    return money.refund(books, given)


# ---- events and the clock ----


@call("get", "events/{id}", "EventRetrieveParams")
def retrieve_event(books: Books, _given: Thing, **parts: str) -> Thing:
    for event in books.events():
        if event["id"] == parts["id"]:
            return event
    raise missing("event", parts["id"])


@call("get", "events", "EventListParams")
def list_events(books: Books, given: Thing) -> Thing:
    types = given.get("types") or ([given["type"]] if "type" in given else None)
    events = [one for one in books.events() if types is None or one["type"] in types]
    if "delivery_success" in given:
        events = [one for one in events if (one["pending_webhooks"] == 0) == given["delivery_success"]]
    return page([one for one in events if within(one["created"], given.get("created"))][::-1], given, "/v1/events")


@call("get", "test_helpers/test_clocks", "test_helpers.TestClockListParams")
def list_clocks(books: Books, given: Thing) -> Thing:
    return page([expand.clock(books)], given, "/v1/test_helpers/test_clocks")


@call("get", "test_helpers/test_clocks/{id}", "test_helpers.TestClockRetrieveParams")
def retrieve_clock(books: Books, _given: Thing, **parts: str) -> Thing:
    if parts["id"] != shapes.CLOCK:
        raise missing("test_helpers.test_clock", parts["id"])
    return expand.clock(books)


@call("post", "test_helpers/test_clocks/{id}/advance", "test_helpers.TestClockAdvanceParams")
def advance_clock(books: Books, given: Thing, **parts: str) -> Thing:
    retrieve_clock(books, {}, **parts)
    if given["frozen_time"] <= books.now:
        raise wrong("`frozen_time` must be later than the present time of the clock.", "frozen_time")
    return advance(books, given["frozen_time"])
