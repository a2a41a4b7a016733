"""A stand-in for Stripe, so that the whole life of a subscription can be tried without keys, by people and by tests.

It stands outside of the product: it imports nothing of it but the settings and the page kit, keeps its state in one
SQLite file, and speaks Stripe's protocol. The product talks to it with Stripe's own SDK through `StandInClient`, hears
of everything by signed webhooks, and sends people to its pages (`billing.standin.pages`).

Read in this order: `wire` and `params` (a request), `store` (what is kept), `endpoints` (the calls), `subscriptions`,
`items` and `invoices` (what they do), `life` (what time does), `server` (all of it together), `embedded` (where it
runs).

It differs from Stripe in this:

- One clock for all, `clock_standin`; every customer is on it, and it is never behind the real time. Moving it answers
  once everything has happened, ready and not advancing.
- Prices are per unit and recurring, and the items of a subscription share one interval. Billing is flexible, with
  discounts included in prorations. An `amount_off` is not taken off the debit of a proration.
- Tax is 21 % for customers in the Czech Republic without a VAT number of another country, else none. VAT numbers are
  not looked up.
- A payment that failed is tried again 3, 5, 7 and 14 days after the first time; after 28 days the subscription ends and
  its invoice stays open. The status unpaid does not occur.
- The card ending in 0341 pays once, while its owner is at a page, and never again. At Stripe it does not pay at all.
- A card changed in the portal also becomes that of the subscriptions that have one of their own. One given at the page
  of an invoice pays that invoice alone.
- A trial cannot begin on a subscription that has been paid. A paused one is not resumed.
- Parameters that would change what happens and are not followed are refused (`endpoints.NOT_HERE`).
- Products, prices and coupons have no events; of charges and payment intents only refunds and disputes are told.
"""

from billing.standin.checkout import BankAsks, Form
from billing.standin.client import API_KEY, StandInClient
from billing.standin.server import StandIn
from billing.standin.wire import Refused

__all__ = ["API_KEY", "BankAsks", "Form", "Refused", "StandIn", "StandInClient"]
