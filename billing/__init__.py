"""Plans and payments: who pays for which plan, and what a workspace may therefore use.

Stripe is the truth of who pays what. `gateway` is the one way to it; `accounts` keeps what it last said, fetched anew
whenever something may have changed, and gives each workspace its plan; `buying` is what people may ask for; `events`
takes Stripe's word that something happened; `care` is the work of each night and hour.
"""
