"""Letters: mail in our own words and dress, with at most one button, in plain text and HTML alike."""

from dataclasses import dataclass

from flask import current_app, render_template
from flask_babel import get_locale

from config.settings import Settings
from core import mail


@dataclass(frozen=True)
class Item:
    """One of several things a letter tells of; `said` is what somebody wrote."""

    text: str
    url: str = ""
    said: str = ""


@dataclass(frozen=True)
class Letter:
    """`said` stands before the items and the button, `after` below it, `foot` are links at the very end: (text, url).
    `place` is the business it comes from. `heading` stands over it instead of the subject."""

    subject: str
    said: tuple[str, ...] = ()
    button: str = ""
    url: str = ""
    after: tuple[str, ...] = ()
    sections: tuple[tuple[str, tuple[Item, ...]], ...] = ()
    foot: tuple[tuple[str, str], ...] = ()
    place: str = ""
    heading: str = ""


def send(
    letter: Letter,
    to: str,
    key: str,
    *,
    unsubscribe: str = "",
    returns_to: str = "",
    sender: str = "",
    reply_to: str = "",
    attached: tuple[mail.Attached, ...] = (),
) -> None:
    """Write it in the present language and hand it over. Raises as core.mail.send; `key` is the same for a repeat, and
    what else there is stands at core.mail.Message."""
    text = render_template("mail/letter.txt", letter=letter)
    html = render_template("mail/letter.html", letter=letter, lang=get_locale().language)
    message = mail.Message(
        key, to, letter.subject, text, html, unsubscribe, returns_to, sender, reply_to, attached
    )  # fmt: skip
    mail.send(message, here())


def here() -> Settings:
    """The settings of the application in hand."""
    config: Settings = current_app.config["OKNO"]
    return config
