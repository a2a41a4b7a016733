"""Settings: everything Okno takes from its environment, read once and typed.

`Settings.from_env(os.environ)` is the only reader of environment variables in the house. Whoever needs
a setting is handed the `Settings`. A missing or wrong variable raises `SettingsError`, whose text is one
line that says what to do.
"""

import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, Self
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from config.embedded import run_state
from config.secret_file import kept_secret

Env = Literal["embedded", "production"]
MINIMUM_SECRET_LENGTH = 32  # characters: 128 bits even when written in hexadecimal


class SettingsError(Exception):
    """A variable is missing or wrong. Its text is one line for the person who starts Okno."""


@dataclass(frozen=True, slots=True)
class Smtp:
    """A mail server. `security` is "none", "tls" (from the first byte) or "starttls" (required)."""

    host: str
    port: int
    security: Literal["none", "tls", "starttls"]
    user: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Imap:
    """The mailbox in which replies arrive."""

    host: str
    port: int
    security: Literal["none", "tls", "starttls"]
    user: str
    password: str = field(repr=False)
    folder: str = "INBOX"

    @property
    def name(self) -> str:
        """Which mailbox it is, whatever its password."""
        return f"{self.user}@{self.host}:{self.port}/{self.folder}"


@dataclass(frozen=True, slots=True)
class Stripe:
    """Payments by Stripe. `webhook_secrets` are two while one is being replaced; without any, no event is believed.
    With `tax`, Stripe works out VAT."""

    secret_key: str = field(repr=False)
    webhook_secrets: tuple[str, ...] = field(repr=False)
    tax: bool = False

    @property
    def live(self) -> bool:
        """Whether real money moves."""
        return self.secret_key.startswith(("sk_live_", "rk_live_"))


@dataclass(frozen=True, slots=True)
class Folder:
    """Files are kept in a folder of this machine."""

    path: Path


@dataclass(frozen=True, slots=True)
class Bucket:
    """Files are kept in an S3 bucket. Keys and region come from the usual AWS_ variables."""

    name: str
    prefix: str = ""
    endpoint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What Okno runs with.

    `database_url` owns the tables and makes workspaces; requests and jobs use `workspace_database_url` (login
    okno_ws) and `control_database_url` (login okno_control). All three are libpq URLs (postgresql://). `url`
    has no slash at its end. `smtp` is None only in the embedded run: mail then goes to the local mailbox.
    `bounces_to` is the address to which mail that cannot be delivered comes back, with +token before its @;
    whatever takes it hands it to `okno mail bounced`. `replies_to` takes the replies to what members write, in the
    same way; they are read from the mailbox `imap`. `inner_hosts` are the hosts ("idp.intern",
    "idp.intern:8443") that core.outbound may ask although their addresses are not public; `dns_servers`
    ("10.0.0.53", "127.0.0.1:5353") are asked instead of the machine's own. `worker_memory` is in MB, for each
    child of a worker. `backups` is where backups are kept, and `backup_keys` what they are sealed by: the present
    one and former ones. `payments` says whether there are plans: None for an installation of one's own, without
    limits; Stripe; or "test", the stand-in for Stripe of the embedded run.
    """

    env: Env
    home: Path
    port: int
    stream_port: int
    url: str
    stream_url: str
    content_host: str | None
    trusted_hosts: tuple[str, ...]
    proxies: tuple[str, ...]
    inner_hosts: tuple[str, ...]
    dns_servers: tuple[str, ...]
    database_url: str = field(repr=False)
    workspace_database_url: str = field(repr=False)
    control_database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    secret_key_fallbacks: tuple[str, ...] = field(repr=False)
    smtp: Smtp | None
    mail_from: str
    bounces_to: str | None
    replies_to: str | None
    imap: Imap | None
    files: Folder | Bucket
    backups: Folder | Bucket
    backups_by_the_clock: bool
    backup_keys: tuple[str, ...] = field(repr=False)
    payments: Stripe | Literal["test"] | None
    web_workers: int
    web_threads: int
    worker_memory: int

    @property
    def embedded(self) -> bool:
        """Whether this is the run on one machine for trying and developing, with its local mailbox."""
        return self.env == "embedded"

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read all settings. Raises SettingsError on the first missing or wrong one."""
        try:
            return cls._read(environ)
        except OSError as error:
            raise SettingsError(f"{error.filename}: {error.strerror}; set OKNO_HOME to a folder of yours") from error

    @classmethod
    def _read(cls, environ: Mapping[str, str]) -> Self:
        given = {name: value.strip() for name, value in environ.items() if value.strip()}
        env = env_from(given)
        home = home_from(given)
        port, stream_port = ports_from(given)
        url = _web_url(given, "OKNO_URL", f"http://localhost:{port}")
        host = _hostname(url)
        database_url, redis_url = _servers(given, env, home)
        secret_key = _secret_key(given, env, home)

        def login_url(variable: str, login: str) -> str:
            if variable in given:
                return _postgres_url(given[variable], variable)
            return _with_login(database_url, login, _login_password(secret_key, login))

        return cls(
            env=env,
            home=home,
            port=port,
            stream_port=stream_port,
            url=url,
            stream_url=_web_url(given, "OKNO_STREAM_URL", _with_port(url, stream_port)),
            content_host=given.get("OKNO_CONTENT_HOST"),
            trusted_hosts=_trusted_hosts(given, env, host),
            proxies=_proxies(given, env),
            inner_hosts=_inner_hosts(given),
            dns_servers=_dns_servers(given),
            database_url=database_url,
            workspace_database_url=login_url("OKNO_DATABASE_WS_URL", "okno_ws"),
            control_database_url=login_url("OKNO_DATABASE_CONTROL_URL", "okno_control"),
            redis_url=redis_url,
            secret_key=secret_key,
            secret_key_fallbacks=_fallbacks(given),
            smtp=_smtp(given, env),
            mail_from=given.get("OKNO_MAIL_FROM", f"Okno <okno@{host}>"),
            bounces_to=_address(given, "OKNO_BOUNCES_TO", "bounces"),
            replies_to=_address(given, "OKNO_REPLIES_TO", "replies"),
            imap=_imap(given),
            files=_files(given, "OKNO_FILES", home),
            backups=_files(given, "OKNO_FILES" if given.get("OKNO_BACKUPS", "off") == "off" else "OKNO_BACKUPS", home),
            backups_by_the_clock=given.get("OKNO_BACKUPS") != "off",
            backup_keys=_backup_keys(given, secret_key),
            payments=_payments(given, env),
            web_workers=_number(given, "OKNO_WEB_WORKERS", 2, 1, 64),
            web_threads=_number(given, "OKNO_WEB_THREADS", 4, 1, 64),
            worker_memory=_number(given, "OKNO_WORKER_MEMORY", 1024, 128, 1_000_000),
        )


@cache
def settings() -> Settings:
    """This process's settings, read from its environment at the first call."""
    return Settings.from_env(os.environ)


def env_from(environ: Mapping[str, str]) -> Env:
    """A database given by a person means production, unless OKNO_ENV says otherwise."""
    match environ.get("OKNO_ENV") or ("production" if environ.get("DATABASE_URL") else "embedded"):
        case "embedded":
            return "embedded"
        case "production":
            return "production"
        case other:
            raise SettingsError(f"OKNO_ENV is {other!r}: write embedded or production")


def home_from(environ: Mapping[str, str]) -> Path:
    """The folder where the embedded run keeps everything, absolute. It may not exist yet."""
    return Path(environ.get("OKNO_HOME") or ".okno").expanduser().absolute()


def ports_from(environ: Mapping[str, str]) -> tuple[int, int]:
    """The ports of the pages and of the live stream."""
    port = _number(environ, "PORT", 8000, 1, 65534)
    return port, _number(environ, "STREAM_PORT", port + 1, 1, 65535)


def _servers(given: Mapping[str, str], env: Env, home: Path) -> tuple[str, str]:
    """The URLs of PostgreSQL and Valkey: as given, else those of the embedded run in `home`."""
    database_url, redis_url = given.get("DATABASE_URL", ""), given.get("REDIS_URL", "")
    if env == "production":
        for name, value in (("DATABASE_URL", database_url), ("REDIS_URL", redis_url)):
            if not value:
                raise SettingsError(f"{name} is not set: production uses servers of its own, so give its URL")
    elif not (database_url and redis_url):
        state = run_state.running(home)
        if state is None:
            raise SettingsError(
                f"Nothing runs in {home}: start Okno with `make run`, or set DATABASE_URL and REDIS_URL"
            )
        database_url = database_url or state.database_url
        redis_url = redis_url or state.redis_url
    if urlsplit(redis_url).scheme not in {"redis", "rediss", "unix"}:
        raise SettingsError("REDIS_URL must start with redis://, rediss:// or unix://")
    return _postgres_url(database_url, "DATABASE_URL"), redis_url


def _postgres_url(url: str, variable: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in {"postgres", "postgresql", "postgresql+psycopg"}:
        raise SettingsError(f"{variable} must look like postgresql://user:password@host:5432/database")
    return f"postgresql://{rest}"


def _with_login(url: str, login: str, password: str) -> str:
    parts = urlsplit(url)
    address = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{quote(login)}:{quote(password)}@{address}").geturl()


def _login_password(secret_key: str, login: str) -> str:
    return hmac.new(secret_key.encode(), login.encode(), hashlib.sha256).hexdigest()


def _secret_key(given: Mapping[str, str], env: Env, home: Path) -> str:
    key = given.get("OKNO_SECRET_KEY")
    if key is None and env == "embedded":
        return kept_secret(home / "secret.key")
    if key is None:
        raise SettingsError(
            "OKNO_SECRET_KEY is not set: make one with "
            "`python3 -c 'import secrets; print(secrets.token_urlsafe(32))'` and keep it"
        )
    if len(key) < MINIMUM_SECRET_LENGTH:
        raise SettingsError(f"OKNO_SECRET_KEY is too short: it needs {MINIMUM_SECRET_LENGTH} characters or more")
    return key


def _fallbacks(given: Mapping[str, str]) -> tuple[str, ...]:
    keys = _list(given, "OKNO_SECRET_KEY_FALLBACKS")
    if any(len(key) < MINIMUM_SECRET_LENGTH for key in keys):
        raise SettingsError("OKNO_SECRET_KEY_FALLBACKS has a key that is too short: separate whole keys by commas")
    return keys


def _web_url(given: Mapping[str, str], variable: str, default: str) -> str:
    url = given.get(variable, default).rstrip("/")
    parts = urlsplit(url)
    _url_port(parts, variable)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.path:
        raise SettingsError(f"{variable} must look like https://crm.example.com, with no path after it")
    return url


def _hostname(url: str) -> str:
    return urlsplit(url).hostname or ""


def _with_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _trusted_hosts(given: Mapping[str, str], env: Env, host: str) -> tuple[str, ...]:
    """Host names that requests may carry; a request for any other is refused."""
    listed = _list(given, "OKNO_TRUSTED_HOSTS")
    known = (host, given.get("OKNO_CONTENT_HOST"), *(("localhost", "127.0.0.1") if env == "embedded" else ()))
    return listed or tuple(dict.fromkeys(name for name in known if name))


def _proxies(given: Mapping[str, str], env: Env) -> tuple[str, ...]:
    """Addresses whose X-Forwarded headers are believed. The embedded run has no proxy before it."""
    if env == "embedded":
        return ()
    proxies = _list(given, "FORWARDED_ALLOW_IPS") or ("127.0.0.1", "::1")
    if "*" in proxies:
        raise SettingsError("FORWARDED_ALLOW_IPS is *, so that anybody could forge an address: list the proxies")
    return proxies


def _inner_hosts(given: Mapping[str, str]) -> tuple[str, ...]:
    """Names alone: whoever may reach an inner host by its name need not reach all that has its address."""
    hosts = tuple(host.lower() for host in _list(given, "OKNO_INNER_HOSTS"))
    for host in hosts:
        parts = urlsplit(f"//{host}")
        _url_port(parts, "OKNO_INNER_HOSTS")
        if parts.path or not parts.hostname or parts.username is not None:
            raise SettingsError("OKNO_INNER_HOSTS must look like idp.intern,mail.intern:8443")
    return hosts


def _dns_servers(given: Mapping[str, str]) -> tuple[str, ...]:
    servers = _list(given, "OKNO_DNS_SERVERS")
    for server in servers:
        parts = urlsplit(f"//{server}")
        _url_port(parts, "OKNO_DNS_SERVERS")
        try:
            ip_address(parts.hostname or "")
        except ValueError:
            raise SettingsError("OKNO_DNS_SERVERS must look like 10.0.0.53,[fd00::53]:5353") from None
    return servers


def _smtp(given: Mapping[str, str], env: Env) -> Smtp | None:
    example = "smtp://, smtp+starttls:// or smtps:// and then user:password@host:port"
    url = given.get("OKNO_SMTP_URL")
    if url is None and env == "embedded":
        return None
    if url is None:
        raise SettingsError(f"OKNO_SMTP_URL is not set: write {example}")
    parts = urlsplit(url)
    securities: dict[str, tuple[Literal["none", "tls", "starttls"], int]] = {
        "smtp": ("none", 25),
        "smtps": ("tls", 465),
        "smtp+starttls": ("starttls", 587),
    }
    if parts.scheme not in securities or not parts.hostname:
        raise SettingsError(f"OKNO_SMTP_URL must be {example}")
    security, port = securities[parts.scheme]
    return Smtp(
        host=parts.hostname,
        port=_url_port(parts, "OKNO_SMTP_URL") or port,
        security=security,
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )


def _address(given: Mapping[str, str], variable: str, example: str) -> str | None:
    """The part before the @ is short, since a signed token follows it, and 64 characters are all there may be."""
    address = given.get(variable)
    if address is not None and not re.fullmatch(r"[A-Za-z0-9._-]{1,12}@[A-Za-z0-9.-]{1,190}", address):
        raise SettingsError(f"{variable} must look like {example}@example.com, with 12 characters at most before @")
    return address


def _imap(given: Mapping[str, str]) -> Imap | None:
    url = given.get("OKNO_IMAP_URL")
    if url is None:
        return None
    parts = urlsplit(url)
    securities: dict[str, tuple[Literal["none", "tls", "starttls"], int]] = {
        "imap": ("none", 143),
        "imaps": ("tls", 993),
        "imap+starttls": ("starttls", 143),
    }
    if parts.scheme not in securities or not (parts.hostname and parts.username and parts.password):
        raise SettingsError(
            "OKNO_IMAP_URL must be imaps:// (or imap+starttls://, imap://) and user:password@host/INBOX"
        )
    if "OKNO_REPLIES_TO" not in given:
        raise SettingsError("OKNO_IMAP_URL is of no use without OKNO_REPLIES_TO: set the address that the mailbox has")
    security, port = securities[parts.scheme]
    return Imap(
        host=parts.hostname,
        port=_url_port(parts, "OKNO_IMAP_URL") or port,
        security=security,
        user=unquote(parts.username),
        password=unquote(parts.password),
        folder=unquote(parts.path.strip("/")) or "INBOX",
    )


def _url_port(parts: SplitResult, variable: str) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise SettingsError(f"{variable} has a port that is not a number up to 65535") from None


def _files(given: Mapping[str, str], variable: str, home: Path) -> Folder | Bucket:
    place = given.get(variable, str(home / "files"))
    if not place.startswith("s3://"):
        if "://" in place:
            raise SettingsError(f"{variable} must be a folder or s3://bucket/prefix?endpoint=https://host")
        return Folder(Path(place).expanduser().absolute())
    parts = urlsplit(place)
    options = dict(parse_qsl(parts.query))
    if not parts.netloc or set(options) - {"endpoint"}:
        raise SettingsError(f"{variable} must look like s3://bucket/prefix?endpoint=https://host")
    return Bucket(parts.netloc, parts.path.strip("/"), options.get("endpoint"))


def _backup_keys(given: Mapping[str, str], secret_key: str) -> tuple[str, ...]:
    """OKNO_BACKUP_KEY, so that who holds the secret key alone opens no backup; more, by commas, are former ones."""
    keys = _list(given, "OKNO_BACKUP_KEY")
    if any(len(key) < MINIMUM_SECRET_LENGTH for key in keys):
        raise SettingsError(f"OKNO_BACKUP_KEY is too short: it needs {MINIMUM_SECRET_LENGTH} characters or more")
    return (*keys, secret_key, *_fallbacks(given))


def _payments(given: Mapping[str, str], env: Env) -> Stripe | Literal["test"] | None:
    """OKNO_PAYMENTS chooses; left out, a key of Stripe does, else the embedded run has test payments."""
    key = given.get("STRIPE_SECRET_KEY")
    chosen = given.get("OKNO_PAYMENTS") or ("stripe" if key else "test" if env == "embedded" else "off")
    if chosen == "off":
        return None
    if chosen == "test":
        if env == "production":
            raise SettingsError("OKNO_PAYMENTS is test, which sells everything for nothing: write stripe or off")
        return "test"
    if chosen != "stripe":
        raise SettingsError(f"OKNO_PAYMENTS is {chosen!r}: write stripe, test or off")
    if not key or not key.startswith(("sk_live_", "sk_test_", "rk_live_", "rk_test_")):
        raise SettingsError("STRIPE_SECRET_KEY must be a secret key: sk_live_ or sk_test_ and then the rest")
    secrets = _list(given, "STRIPE_WEBHOOK_SECRET")
    if any(not secret.startswith("whsec_") for secret in secrets):
        raise SettingsError("STRIPE_WEBHOOK_SECRET must look like whsec_..., two with a comma while one is replaced")
    tax = given.get("OKNO_STRIPE_TAX", "off")
    if tax not in {"on", "off"}:
        raise SettingsError(f"OKNO_STRIPE_TAX is {tax!r}: write on or off")
    return Stripe(key, secrets, tax == "on")


def _number(given: Mapping[str, str], variable: str, default: int, least: int, most: int) -> int:
    text = given.get(variable, "").strip() or str(default)
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise SettingsError(f"{variable} is {text!r}: write a number from {least} to {most}")
    return int(text)


def _list(given: Mapping[str, str], variable: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in given.get(variable, "").split(",") if item.strip())
