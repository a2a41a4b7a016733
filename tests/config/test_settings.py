"""Settings: what a variable becomes, and what a person is told about a wrong one."""

import os
import stat
from pathlib import Path

import pytest

from config.embedded import Process, RunState
from config.settings import Bucket, Folder, Settings, SettingsError, Smtp, Stripe

KEY = "k" * 40


@pytest.fixture
def production(tmp_path: Path) -> dict[str, str]:
    return {
        "OKNO_HOME": str(tmp_path),
        "DATABASE_URL": "postgres://owner:pa%3Ass@db.example:5433/crm?sslmode=require",
        "REDIS_URL": "rediss://cache.example/0",
        "OKNO_SECRET_KEY": KEY,
        "OKNO_URL": "https://crm.example.com/",
        "OKNO_SMTP_URL": "smtp+starttls://me%40example.com:s3%2Fcret@mail.example",
    }


@pytest.fixture
def embedded(tmp_path: Path) -> dict[str, str]:
    """As in a command beside a running `make run`; our own process stands in for its servers."""
    itself = os.getpid()
    processes = (Process.of("PostgreSQL", itself), Process.of("Valkey", itself))
    RunState("postgresql://okno:a@127.0.0.1:5000/okno", "redis://:b@127.0.0.1:5001/0", processes).save(tmp_path)
    return {"OKNO_HOME": str(tmp_path)}


def test_production_reads_everything(production: dict[str, str]) -> None:
    settings = Settings.from_env(production)
    assert (settings.env, settings.embedded) == ("production", False)
    assert settings.database_url == "postgresql://owner:pa%3Ass@db.example:5433/crm?sslmode=require"
    assert settings.url == "https://crm.example.com"
    assert settings.smtp == Smtp("mail.example", 587, "starttls", "me@example.com", "s3/cret")
    assert settings.mail_from == "Okno <okno@crm.example.com>"
    assert settings.trusted_hosts == ("crm.example.com",)
    assert settings.proxies == ("127.0.0.1", "::1")
    assert (settings.port, settings.stream_port, settings.web_workers, settings.web_threads) == (8000, 8001, 2, 4)


def test_logins_keep_the_address_and_have_passwords_of_their_own(production: dict[str, str]) -> None:
    settings = Settings.from_env(production)
    workspace, control = settings.workspace_database_url, settings.control_database_url
    assert workspace.startswith("postgresql://okno_ws:")
    assert control.startswith("postgresql://okno_control:")
    assert workspace.endswith("@db.example:5433/crm?sslmode=require")
    assert workspace.split(":")[2] != control.split(":")[2]
    assert workspace == Settings.from_env(production).workspace_database_url
    other = Settings.from_env(production | {"OKNO_SECRET_KEY": "o" * 40})
    assert workspace != other.workspace_database_url
    given = Settings.from_env(production | {"OKNO_DATABASE_WS_URL": "postgresql+psycopg://w:p@elsewhere/crm"})
    assert given.workspace_database_url == "postgresql://w:p@elsewhere/crm"


def test_embedded_finds_the_running_servers_and_keeps_its_key(embedded: dict[str, str]) -> None:
    settings = Settings.from_env(embedded | {"PORT": "9000", "REDIS_URL": " "})
    home = Path(embedded["OKNO_HOME"])
    assert settings.embedded
    assert settings.database_url == "postgresql://okno:a@127.0.0.1:5000/okno"
    assert settings.redis_url == "redis://:b@127.0.0.1:5001/0"
    assert (settings.url, settings.stream_url) == ("http://localhost:9000", "http://localhost:9001")
    assert settings.smtp is None
    assert settings.proxies == ()
    assert settings.files == Folder(home / "files")
    assert set(settings.trusted_hosts) == {"localhost", "127.0.0.1"}
    assert stat.S_IMODE((home / "secret.key").stat().st_mode) == 0o600
    assert settings.secret_key == Settings.from_env(embedded).secret_key


def test_a_database_of_ones_own_can_still_be_an_embedded_run(embedded: dict[str, str]) -> None:
    settings = Settings.from_env(embedded | {"OKNO_ENV": "embedded", "DATABASE_URL": "postgresql://me@db/crm"})
    assert settings.embedded
    assert settings.database_url == "postgresql://me@db/crm"
    assert settings.redis_url == "redis://:b@127.0.0.1:5001/0"


def test_secrets_do_not_show(production: dict[str, str]) -> None:
    keys = {"OKNO_SECRET_KEY": "secretkey-" * 4, "OKNO_SECRET_KEY_FALLBACKS": "olderkey-" * 4}
    settings = Settings.from_env(production | keys)
    assert settings.secret_key_fallbacks == ("olderkey-" * 4,)
    shown = f"{settings} {settings!r} {settings.smtp}"
    for secret in ("secretkey", "olderkey", "pa%3Ass", "s3/cret", settings.workspace_database_url):
        assert secret not in shown


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("s3://okno/files/a?endpoint=http://localhost:9000", Bucket("okno", "files/a", "http://localhost:9000")),
        ("s3://okno", Bucket("okno")),
        ("/srv/okno", Folder(Path("/srv/okno"))),
    ],
)
def test_places_of_files(production: dict[str, str], value: str, expected: Folder | Bucket) -> None:
    assert Settings.from_env(production | {"OKNO_FILES": value}).files == expected


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("DATABASE_URL", "mysql://x/y", "DATABASE_URL must look like postgresql://"),
        ("REDIS_URL", "localhost:6379", "REDIS_URL must start with"),
        ("REDIS_URL", "", "REDIS_URL is not set"),
        ("OKNO_SECRET_KEY", "", "OKNO_SECRET_KEY is not set: make one with"),
        ("OKNO_SECRET_KEY", "short", "OKNO_SECRET_KEY is too short"),
        ("OKNO_SECRET_KEY_FALLBACKS", f"{KEY},x", "OKNO_SECRET_KEY_FALLBACKS has a key that is too short"),
        ("OKNO_SMTP_URL", "", "OKNO_SMTP_URL is not set"),
        ("OKNO_SMTP_URL", "mail.example:25", "OKNO_SMTP_URL must be smtp://"),
        ("OKNO_SMTP_URL", "smtp://mail.example:999999", "OKNO_SMTP_URL has a port"),
        ("OKNO_URL", "crm.example.com", "OKNO_URL must look like"),
        ("OKNO_URL", "https://example.com/crm", "OKNO_URL must look like"),
        ("OKNO_URL", "https://example.com:port", "OKNO_URL has a port"),
        ("OKNO_FILES", "ftp://x", "OKNO_FILES must be a folder or s3://"),
        ("OKNO_FILES", "s3://b?region=x", "OKNO_FILES must look like s3://"),
        ("OKNO_ENV", "test", "OKNO_ENV is 'test'"),
        ("PORT", "http", "PORT is 'http': write a number from 1 to"),
        ("PORT", "70000", "PORT is '70000'"),
        ("OKNO_WEB_WORKERS", "0", "OKNO_WEB_WORKERS is '0'"),
        ("FORWARDED_ALLOW_IPS", "*", "FORWARDED_ALLOW_IPS is *"),
    ],
)
def test_each_mistake_is_one_line(production: dict[str, str], variable: str, value: str, told: str) -> None:
    with pytest.raises(SettingsError) as raised:
        Settings.from_env(production | {variable: value})
    assert str(raised.value).startswith(told)
    assert "\n" not in str(raised.value)


def test_nothing_runs(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="start Okno with `make run`"):
        Settings.from_env({"OKNO_HOME": str(tmp_path)})


def test_a_run_that_crashed_is_not_believed(tmp_path: Path) -> None:
    gone = Process("PostgreSQL", os.getpid(), started=1.0)  # the number lives on in another process
    RunState("postgresql://x", "redis://x", (gone,)).save(tmp_path)
    with pytest.raises(SettingsError, match="Nothing runs"):
        Settings.from_env({"OKNO_HOME": str(tmp_path)})


def test_a_torn_state_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"database_url": "postgres')
    with pytest.raises(SettingsError, match="Nothing runs"):
        Settings.from_env({"OKNO_HOME": str(tmp_path)})


def test_inner_hosts_and_dns_servers_are_read(production: dict[str, str]) -> None:
    given = production | {
        "OKNO_INNER_HOSTS": "IDP.intern, mail.intern:8443",
        "OKNO_DNS_SERVERS": "10.0.0.53,[::1]:5353",
    }
    settings = Settings.from_env(given)
    assert settings.inner_hosts == ("idp.intern", "mail.intern:8443")
    assert settings.dns_servers == ("10.0.0.53", "[::1]:5353")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OKNO_INNER_HOSTS", "https://idp.intern"),
        ("OKNO_INNER_HOSTS", "idp.intern/path"),
        ("OKNO_INNER_HOSTS", "idp.intern:x"),
        ("OKNO_DNS_SERVERS", "dns.example.com"),
        ("OKNO_DNS_SERVERS", "10.0.0.53:99999"),
    ],
)
def test_a_wrong_inner_host_or_dns_server_is_named(production: dict[str, str], variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        Settings.from_env(production | {variable: value})


@pytest.mark.parametrize(
    ("given", "becomes"),
    [
        ({}, None),
        ({"OKNO_PAYMENTS": "off", "STRIPE_SECRET_KEY": "sk_live_1"}, None),
        ({"STRIPE_SECRET_KEY": "sk_test_1"}, Stripe("sk_test_1", ())),
        (
            {"STRIPE_SECRET_KEY": "rk_live_1", "STRIPE_WEBHOOK_SECRET": "whsec_a,whsec_b", "OKNO_STRIPE_TAX": "on"},
            Stripe("rk_live_1", ("whsec_a", "whsec_b"), tax=True),
        ),
    ],
)
def test_payments_come_from_the_keys_of_stripe(
    production: dict[str, str], given: dict[str, str], becomes: object
) -> None:
    payments = Settings.from_env(production | given).payments
    assert payments == becomes
    if isinstance(payments, Stripe):
        assert payments.live == ("live" in payments.secret_key)
        assert payments.secret_key not in repr(payments)


def test_the_embedded_run_shows_plans_by_test_payments(embedded: dict[str, str]) -> None:
    assert Settings.from_env(embedded).payments == "test"
    assert Settings.from_env(embedded | {"OKNO_PAYMENTS": "off"}).payments is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"OKNO_PAYMENTS": "test"}, "sells everything for nothing"),
        ({"OKNO_PAYMENTS": "paypal"}, "stripe, test or off"),
        ({"OKNO_PAYMENTS": "stripe"}, "STRIPE_SECRET_KEY"),
        ({"STRIPE_SECRET_KEY": "pk_live_1"}, "must be a secret key"),
        ({"STRIPE_SECRET_KEY": "sk_live_1", "STRIPE_WEBHOOK_SECRET": "secret"}, "whsec_"),
        ({"STRIPE_SECRET_KEY": "sk_live_1", "OKNO_STRIPE_TAX": "yes"}, "on or off"),
    ],
)
def test_payments_that_cannot_be_meant_are_refused(
    production: dict[str, str], given: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        Settings.from_env(production | given)
