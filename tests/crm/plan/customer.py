"""Somebody before the pages about plans, without a script: reads, follows links, fills in the forms that are there."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from werkzeug.test import TestResponse

from billing.models import Order
from tests.billing.till import Till
from tests.shop import Shop

INLINE = {"b", "strong", "a"}
VOID = {"input", "img", "link", "meta", "br", "hr", "rect", "path", "use"}


@dataclass
class Form:
    method: str
    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)

    def value(self, name: str) -> str:
        return dict(self.fields)[name]

    def filled_in(self, typed: dict[str, Any]) -> dict[str, list[str]]:
        """What a browser would send: each field as the page has it, unless something else is typed. A list is what is
        ticked of several boxes of one name."""
        values: dict[str, list[str]] = {}
        for name, value in self.fields:
            values.setdefault(name, []).append(value)
        for name, given in typed.items():
            values[name] = [str(one) for one in (given if isinstance(given, list) else [given])]
        return values


class Sheet(HTMLParser):
    """A page's text, its links, and its forms by the words on their buttons."""

    def __init__(self, html: str):
        super().__init__()
        self.text = ""
        self.links: dict[str, str] = {}
        self.forms: dict[str, Form] = {}
        self.named: dict[str, Form] = {}
        self.form: Form | None = None
        self.open: list[tuple[str, dict[str, str], int]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in given}
        if tag not in INLINE:
            self.text += " "
        if tag == "form":
            self.form = Form(attributes.get("method", "get"), attributes.get("action", ""))
            self.named[attributes.get("id", "")] = self.form
        if tag == "input" and self.form and sent(attributes):
            self.form.fields.append((attributes["name"], attributes.get("value", "on")))
        if tag == "option" and self.form and "selected" in attributes:
            select = next(at for name, at, _start in reversed(self.open) if name == "select")
            self.form.fields.append((select["name"], attributes["value"]))
        if tag not in VOID:
            self.open.append((tag, attributes, len(self.text)))

    def handle_endtag(self, tag: str) -> None:
        while tag not in VOID and self.open:
            name, attributes, start = self.open.pop()
            words = " ".join(self.text[start:].split())
            if name == "a":
                self.links[words] = attributes.get("href", "")
            form = self.named.get(attributes.get("form", "none"), self.form)
            if name == "button" and form:
                self.forms[words] = form
            if name == "form":
                self.form = None
            if name == tag:
                return

    def handle_data(self, data: str) -> None:
        if not any(name in ("script", "style", "template") for name, _attributes, _start in self.open):
            self.text += data


def sent(attributes: dict[str, str]) -> bool:
    """Whether an input goes with its form as it stands."""
    ticked = attributes.get("type") not in ("checkbox", "radio") or "checked" in attributes
    return bool(attributes.get("name")) and ticked


class Customer:
    """`identity_id` as in Shop.browser: the owner, or another member."""

    def __init__(self, till: Till, shop: Shop, identity_id: UUID | None = None):
        self.till = till
        self.shop = shop
        self.client = shop.browser(identity_id)
        self.status, self.at = 0, ""

    def see(self, path: str = "/settings/plan") -> "Customer":
        """Look at a page of the workspace."""
        return self.arrive(self.client.get(self.shop.path(path)))

    def follow(self, words: str) -> "Customer":
        return self.arrive(self.client.get(address(self.page.links[words])))

    def press(self, words: str, **typed: Any) -> "Customer":
        """Send the form with this button, with what is typed into it; the rest of it as the page has it."""
        form = self.page.forms[words]
        values = form.filled_in(typed)
        to = address(form.action) or self.at
        if form.method == "get":
            return self.arrive(self.client.get(f"{to}?{urlencode(values, doseq=True)}"))
        return self.arrive(self.client.post(to, data=values))

    def send(self, path: str, **values: Any) -> "Customer":
        """A form that stands on no page of theirs, with a token that does."""
        token = next(form.value("csrf_token") for form in self.page.forms.values() if form.method == "post")
        return self.arrive(self.client.post(self.shop.path(path), data={"csrf_token": token, **values}))

    def arrive(self, answer: TestResponse) -> "Customer":
        """Read the answer, wherever it leads within the product."""
        while answer.status_code in (302, 303):
            assert answer.location.startswith(("/", self.till.config.url)), answer.location
            answer = self.client.get(address(answer.location))
        self.status, self.at = answer.status_code, answer.request.full_path.removesuffix("?")
        self.html = answer.get_data(as_text=True)
        self.page = Sheet(self.html)
        return self

    @property
    def text(self) -> str:
        """What is read on the page, in one line, with common spaces."""
        return " ".join(self.page.text.split())

    def buys(self, card: str, **choice: Any) -> "Customer":
        """From the plan's page to the payment service and back."""
        self.see(f"/settings/plan?{urlencode({'period': 'month', **choice})}")
        self.press(f"Choose {str(choice.get('plan', 'team')).title()}", **choice)
        return self.press("Go to payment").follow("Go on").pays(card)

    def pays(self, card: str) -> "Customer":
        """Choose a card on the page of payment and press its button."""
        button = next(words for words in self.page.forms if words.startswith("Pay "))
        return self.press(button, card=card)


def orders(till: Till, shop: Shop) -> list[Order]:
    """What the workspace has asked of the payment service."""
    with till.base.controlling() as control:
        return list(control.query(Order).filter(Order.workspace_id == shop.workspace.id).order_by(Order.at))


def address(url: str) -> str:
    """The path and query of an address of the product."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
