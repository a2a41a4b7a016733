"""Mail: one message to one person, handed to the SMTP server of the settings.

The embedded run without a server puts it into the local mailbox instead, which /dev/mail shows. Mail is sent by jobs,
so that it follows the change it speaks of: at least once, and a repeat carries the same Message-ID.
"""

import mailbox
import re
import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from urllib.parse import urlsplit

from config.settings import Settings, Smtp
from core.jobs import GiveUp

TIMEOUT = 30.0  # seconds for each answer of the server
# Seconds between attempts: a server that says "not now" is asked again for about three days.
PAUSES = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 43_200, 57_600, 86_400)


@dataclass(frozen=True)
class Attached:
    """A file that goes with a message."""

    name: str
    maintype: str
    subtype: str
    content: bytes


@dataclass(frozen=True)
class Message:
    """`key` is the same whenever the same message is sent again. `html` says the same as `text`. Where `unsubscribe` is
    a link, mail programs offer to follow it by one click (RFC 8058). `returns_to` takes what comes back. `sender` is
    the name it is shown to come from, beside our own address; who answers it writes to `reply_to`. What a person writes
    goes without HTML; `answers` is the Message-ID of what it answers itself."""

    key: str
    to: str
    subject: str
    text: str
    html: str
    unsubscribe: str = ""
    returns_to: str = ""
    sender: str = ""
    reply_to: str = ""
    attached: tuple[Attached, ...] = ()
    answers: str = ""


class NotSent(Exception):
    """The server did not take the message now; another attempt may succeed."""


class Undeliverable(GiveUp):
    """The server will never take this message for this address."""


class AddressRefused(Undeliverable):
    """The server will take nothing for this address."""


def send(message: Message, config: Settings) -> None:
    """Hand the message over. Raises NotSent or Undeliverable; both name the server's code and no address."""
    written = write(message, config)
    if config.smtp is None:
        local_mailbox(config).add(written.as_bytes())
    else:
        hand_over(written, config.smtp, urlsplit(config.url).hostname or "localhost", message.returns_to or None)


def write(message: Message, config: Settings) -> EmailMessage:
    """The message as it goes over the wire: plain text with HTML as its alternative."""
    written = EmailMessage(policy=policy.SMTP)
    ours = parseaddr(config.mail_from)[1]
    written["From"] = Address(one_line(message.sender), addr_spec=ours) if message.sender else config.mail_from
    written["To"] = message.to
    written["Subject"] = one_line(message.subject)
    written["Date"] = formatdate(usegmt=True)
    written["Message-ID"] = message_id(message, config)
    if message.sender:
        written["Reply-To"] = message.reply_to or ours
    else:
        written["Auto-Submitted"] = "auto-generated"
    if message.answers:
        written["In-Reply-To"] = written["References"] = one_line(message.answers)
    if message.unsubscribe:
        written["List-Unsubscribe"] = f"<{message.unsubscribe}>"
        written["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    written.set_content(message.text)
    if message.html:
        written.add_alternative(message.html, subtype="html")
    for file in message.attached:
        written.add_attachment(file.content, file.maintype, file.subtype, filename=file.name)
    return written


def message_id(message: Message, config: Settings) -> str:
    domain = parseaddr(config.mail_from)[1].rpartition("@")[2] or "localhost"
    return f"<{message.key}@{domain}>"


def one_line(text: str) -> str:
    """What may stand in a header, whoever wrote it."""
    return " ".join(text.split())


def local_mailbox(config: Settings) -> mailbox.Maildir:
    """The mailbox of the embedded run, in OKNO_HOME/mail."""
    config.home.mkdir(parents=True, exist_ok=True)
    return mailbox.Maildir(config.home / "mail")


def hand_over(written: EmailMessage, server: Smtp, our_name: str, returns_to: str | None = None) -> None:
    try:
        with connect(server, our_name) as connection:
            connection.send_message(written, from_addr=returns_to)
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as error:
        code, words = refusal(error)
        final = AddressRefused if blames_address(error, code, words) else Undeliverable
        raise (final if code >= 500 else NotSent)(f"the mail server answered {code}") from None
    except smtplib.SMTPNotSupportedError as error:
        raise Undeliverable(f"the mail server lacks what this message needs: {error}") from None
    except (smtplib.SMTPException, OSError) as error:
        # A 5xx before the message itself speaks of our settings, which the operator can mend in time.
        answer = f" {error.smtp_code}" if isinstance(error, smtplib.SMTPResponseException) else ""
        raise NotSent(f"the mail server did not take it: {type(error).__name__}{answer}") from None


def connect(server: Smtp, our_name: str) -> smtplib.SMTP:
    """A connection as safe as the settings demand: a server without STARTTLS gets nothing where it is required."""
    context = ssl.create_default_context()
    connection: smtplib.SMTP
    if server.security == "tls":
        connection = smtplib.SMTP_SSL(server.host, server.port, our_name, timeout=TIMEOUT, context=context)
    else:
        connection = smtplib.SMTP(server.host, server.port, our_name, timeout=TIMEOUT)
    try:
        if server.security == "starttls":
            connection.starttls(context=context)
        if server.user is not None:
            connection.login(server.user, server.password or "")
    except BaseException:
        with suppress(OSError):
            connection.close()
        raise
    return connection


def refusal(error: smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError) -> tuple[int, str]:
    """The code and the words of the server."""
    answers = error.recipients.values() if isinstance(error, smtplib.SMTPRecipientsRefused) else [error.args]
    code, words = max(answers)[:2]
    return int(code), words.decode("ascii", "replace") if isinstance(words, bytes) else str(words)


def blames_address(error: smtplib.SMTPException, code: int, words: str) -> bool:
    """Whether the refusal is of the address and not of us or the message: by the enhanced code (RFC 3463) where the
    server gives one, for a 550 may as well mean that it does not trust us."""
    if not isinstance(error, smtplib.SMTPRecipientsRefused):
        return False
    enhanced = re.match(r"5\.(\d{1,3})\.\d", words)
    return is_final(f"5.{enhanced[1]}") if enhanced else code in (550, 551, 553)


def is_final(status: str) -> bool:
    """Whether a status such as "5.1.1" says that an address takes nothing any more: not known, its mailbox off or full,
    no way to its domain. Others (5.7: a policy, 5.6: the content) speak of a message or of us."""
    return status.startswith(("5.0", "5.1", "5.2", "5.4"))
