"""Letters: mail in our own words and dress, with at most one button, in plain text and HTML alike."""

from dataclasses import dataclass

from flask import current_app, render_template
from flask_babel import get_locale

from config.settings import Settings
from core import mail


@dataclass(frozen=True)
class Letter:
    """`said` stands before the button, `after` below it."""

    subject: str
    said: tuple[str, ...]
    button: str = ""
    url: str = ""
    after: tuple[str, ...] = ()


def send(letter: Letter, to: str, key: str) -> None:
    """Write it in the present language and hand it over. Raises as core.mail.send; `key` is the same for a repeat."""
    text = render_template("mail/letter.txt", letter=letter)
    html = render_template("mail/letter.html", letter=letter, lang=get_locale().language)
    mail.send(mail.Message(key, to, letter.subject, text, html), here())


def here() -> Settings:
    """The settings of the application in hand."""
    config: Settings = current_app.config["OKNO"]
    return config
