"""What the application takes in of accounts: the pages, the limits, and how a stale link or too many attempts look."""

from flask import Flask

from crm.accounts import again, factors, limits, second  # noqa: F401 (add their pages to the two blueprints)
from crm.accounts.account import account
from crm.accounts.front import front, show_stale_link
from crm.accounts.sessions import remember_place
from tenants.links import StaleLink


def register(app: Flask) -> None:
    limits.register(app, app.config["OKNO"].redis_url)
    app.register_blueprint(front)
    app.register_blueprint(account)
    app.register_error_handler(StaleLink, show_stale_link)
    app.after_request(remember_place)
