"""The client for hosts that others name: no spelling, answer of the DNS or redirect leads it into our own network."""

import dataclasses
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from core import outbound
from core.outbound import Unreachable, check_public
from tests.idp import certificates

ROOT = Path(__file__).parents[2]
INSIDE = """
127.0.0.1 127.1.2.3 0.0.0.0 10.0.0.1 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 192.0.0.8 192.0.2.1 198.18.0.1
224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255 192.88.99.1 168.63.129.16
:: ::1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::127.0.0.1 fe80::1 fe80::1%eth0 fc00::1 fd00::53
fec0::1 ff02::1 2001:db8::1 100::1
64:ff9b::10.0.0.1 64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::1
2002:7f00:1:: 2002:a00:1:: 2002:a9fe:a9fe::1
2001:0:5db8:d822::f5ff:fffe 2001:0:a00:1::a247:27dd
""".split()
OUTSIDE = "93.184.216.34 1.1.1.1 2606:4700:4700::1111 64:ff9b::5db8:d822 2002:5db8:d822::1 ::ffff:1.1.1.1".split()
# Spellings of inner addresses that resolvers take.
SPELLINGS = """
127.0.0.1 127.1 127.0.1 2130706433 0x7f.1 0x7f000001 0177.0.0.1 017700000001 0 0.0.0.0 localhost LOCALHOST localhost.
10.1 0xa9fea9fe 169.254.169.254 2852039166 ①②⑦.⓪.⓪.① 127。0。0。1
""".split()


@pytest.fixture
def config() -> Settings:
    nowhere = {"DATABASE_URL": "postgresql://localhost/none", "REDIS_URL": "redis://localhost", "OKNO_ENV": "embedded"}
    return Settings.from_env(nowhere | {"OKNO_SECRET_KEY": "only for asking hosts that others have named"})


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_refused_however_it_is_wrapped(address: str) -> None:
    with pytest.raises(Unreachable):
        check_public(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_outside_passes(address: str) -> None:
    check_public(address)


@pytest.mark.parametrize("host", SPELLINGS)
def test_no_spelling_of_an_inner_host_is_asked(config: Settings, host: str, no_connections: list[Any]) -> None:
    with pytest.raises(Unreachable):
        outbound.get(config, f"https://{host}/")
    assert no_connections == []


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://example.com", "//example.com", "",
        "https://", "https:///x", "https://user@example.com/", "https://user:pass@example.com/", "https://example.com:22/",
        "https://example.com:80/", "https://example.com:99999/", "https://example.com:x/", "https://[::1]/",
        "https://[::ffff:10.0.0.1]:443/", "https://example.com/a b", "https://example.com/\r\nHost: x",
        "https://example.com/#x", "https://" + "a" * 5000 + ".com/", "https://exa\0mple.com/",
    ],
)  # fmt: skip
def test_only_https_on_named_ports_is_asked(config: Settings, url: str, no_connections: list[Any]) -> None:
    with pytest.raises(Unreachable):
        outbound.get(config, url)
    assert no_connections == []


@pytest.fixture
def no_connections(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    made: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _socket, place: made.append(place))
    return made


def test_one_inner_address_among_many_is_enough_to_refuse(
    config: Settings, monkeypatch: pytest.MonkeyPatch, no_connections: list[Any]
) -> None:
    resolve(monkeypatch, "93.184.216.34", "10.0.0.7")
    with pytest.raises(Unreachable, match="inside"):
        outbound.get(config, "https://example.com/")
    assert no_connections == []


def test_the_host_is_resolved_once_and_the_very_address_is_asked(
    config: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The DNS that answers otherwise the second time (rebinding) changes nothing."""
    asked = resolve(monkeypatch, "93.184.216.34")
    connected: list[Any] = []

    def refuse(_socket: socket.socket, place: Any) -> None:
        connected.append(place)
        resolve(monkeypatch, "127.0.0.1")
        raise OSError

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(Unreachable, match="does not answer"):
        outbound.get(config, "https://example.com/")
    assert connected == [("93.184.216.34", 443)]
    assert asked == ["example.com"]


def resolve(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    asked: list[str] = []

    def answer(host: str, port: int, **_more: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return asked


# ---- a real server ----


@dataclasses.dataclass
class Server:
    """Answers every connection with these bytes, or as `act` says."""

    port: int
    authority: Path
    heard: list[bytes] = dataclasses.field(default_factory=list)
    names: list[str | None] = dataclasses.field(default_factory=list)
    answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    act: Callable[[ssl.SSLSocket], None] | None = None


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    certificate, key, authority = certificates(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as door:
        server = Server(door.getsockname()[1], authority)
        context.sni_callback = lambda _socket, name, _context: server.names.append(name)
        threading.Thread(target=answer_all, args=(door, context, server), daemon=True).start()
        yield server


def answer_all(door: socket.socket, context: ssl.SSLContext, server: Server) -> None:
    while True:
        try:
            plain, _whence = door.accept()
        except OSError:
            return
        try:
            with context.wrap_socket(plain, server_side=True) as opened:
                heard = opened.recv(10_000)
                while heard.startswith(b"POST") and not heard.endswith(b"a=b"):
                    heard += opened.recv(10_000)
                server.heard.append(heard)
                if server.act:
                    server.act(opened)
                else:
                    opened.sendall(server.answer)
        except OSError:
            continue


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with serving(tmp_path) as running:
        monkeypatch.setenv("SSL_CERT_FILE", str(running.authority))
        yield running


def test_an_inner_host_is_asked_where_the_settings_name_it(config: Settings, server: Server) -> None:
    url = f"https://localhost:{server.port}/path?x=1"
    for hosts in ((), ("localhost",), (f"other:{server.port}",)):
        with pytest.raises(Unreachable):
            outbound.get(dataclasses.replace(config, inner_hosts=hosts), url)
    assert server.heard == []
    allowed = dataclasses.replace(config, inner_hosts=(f"localhost:{server.port}",))
    assert outbound.get(allowed, url) == outbound.Reply(200, b"{}")
    assert server.heard[0].startswith(b"GET /path?x=1 HTTP/1.1\r\n")
    assert f"Host: localhost:{server.port}\r\n".encode() in server.heard[0]
    assert server.names == ["localhost"]
    outbound.post(allowed, url, b"a=b", {"Content-Type": "text/plain"})
    assert b"Content-Length: 3\r\n" in server.heard[1]


def test_a_redirect_is_not_followed(config: Settings, server: Server) -> None:
    allowed = dataclasses.replace(config, inner_hosts=(f"localhost:{server.port}",))
    for status in (301, 302, 303, 307, 308):
        server.answer = f"HTTP/1.1 {status} Go\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n".encode()
        with pytest.raises(Unreachable, match="elsewhere"):
            outbound.get(allowed, f"https://localhost:{server.port}/")
    assert len(server.heard) == 5


def test_a_certificate_for_another_name_or_of_a_stranger_is_refused(
    config: Settings, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve(monkeypatch, "127.0.0.1")
    allowed = dataclasses.replace(config, inner_hosts=(f"elsewhere.example:{server.port}", f"localhost:{server.port}"))
    with pytest.raises(Unreachable, match="SSLCertVerificationError"):
        outbound.get(allowed, f"https://elsewhere.example:{server.port}/")
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(Unreachable, match="SSLCertVerificationError"):
        outbound.get(allowed, f"https://localhost:{server.port}/")
    assert server.heard == []


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n" + b"x" * 200_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b"x" * 65536 + b"\r\n") * 2,
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nkept",
        b"nonsense",
        b"",
    ],
)  # fmt: skip
def test_an_answer_that_is_too_long_or_broken_is_refused_without_a_word_of_it(
    config: Settings, server: Server, answer: bytes
) -> None:
    allowed = dataclasses.replace(config, inner_hosts=(f"localhost:{server.port}",))
    server.answer = answer
    with pytest.raises(Unreachable) as error:
        outbound.get(allowed, f"https://localhost:{server.port}/")
    assert not re.search("xx|yy|nonsense|kept", str(error.value))


@pytest.mark.parametrize("slow", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n", b""])
def test_a_server_that_drips_is_cut_off_in_time(
    config: Settings, server: Server, monkeypatch: pytest.MonkeyPatch, slow: bytes
) -> None:
    monkeypatch.setattr(outbound, "SECONDS", 0.6)

    def drip(opened: ssl.SSLSocket) -> None:
        opened.sendall(slow)
        for _ in range(40):
            time.sleep(0.1)
            opened.sendall(b"x")

    server.act = drip
    allowed = dataclasses.replace(config, inner_hosts=(f"localhost:{server.port}",))
    began = time.monotonic()
    with pytest.raises(Unreachable):
        outbound.get(allowed, f"https://localhost:{server.port}/")
    assert time.monotonic() - began < 2


def test_a_resolver_that_does_not_answer_is_given_up(config: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "SECONDS", 0.3)

    def ponder(*_given: Any, **_more: Any) -> list[Any]:
        time.sleep(3)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", ponder)
    began = time.monotonic()
    with pytest.raises(Unreachable):
        outbound.get(config, "https://example.com/")
    assert time.monotonic() - began < 2


def test_nothing_else_in_the_house_asks_hosts_by_itself() -> None:
    """Another client would be another way in. The stand-in for Stripe, outside of the product, asks our own door."""
    names = r"http\.client|urllib\.request|urllib3|requests|httpx|aiohttp"
    clients = re.compile(rf"^\s*(?:from|import) (?:{names})\b", re.MULTILINE)
    rooms = [*(ROOT / "platform").rglob("*.py"), *(ROOT / "tenants").rglob("*.py"), *(ROOT / "billing").rglob("*.py")]
    asking = [str(path.relative_to(ROOT)) for path in rooms if clients.search(path.read_text())]
    assert asking == ["platform/core/outbound.py", "billing/standin/server.py"]
