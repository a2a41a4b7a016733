"""The one client for hosts that somebody else has named: an issuer of single sign-on, a webhook.

Such a name must not lead into our own network. It is resolved once; every address that comes of it must be a public
one; and the connection goes to the very address that was looked at, while the certificate is checked for the name, so
that a second answer of the DNS changes nothing. Only https on named ports; no redirect is followed; the whole exchange
takes 7 seconds and 100 KB at most. What was answered is for the caller and never for an error message.

Hosts inside are reached where OKNO_INNER_HOSTS names them. Certificates are checked against the machine's authorities,
or those of SSL_CERT_FILE.
"""

import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import SplitResult, urlsplit

from config.settings import Settings

PORTS = frozenset({443, 8443})
SECONDS = 7.0
MOST = 100 * 1024  # bytes of an answer
LONGEST_URL = 4000

GLOBAL_UNICAST = IPv6Network("2000::/3")
NAT64 = IPv6Network("64:ff9b::/96")
# Public by their number, yet not somebody's host: protocols' own, 6to4 relays, the metadata of a cloud.
REFUSED = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"), IPv4Network("168.63.129.16/32"))


class Unreachable(Exception):
    """Nothing was learned. The text says why, without a word of what was answered."""


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes


def get(config: Settings, url: str, headers: Mapping[str, str] | None = None) -> Reply:
    """Ask for it. Raises Unreachable."""
    return exchange(config, "GET", url, None, headers or {})


def post(config: Settings, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
    """Send it. Raises Unreachable."""
    return exchange(config, "POST", url, body, headers)


def exchange(config: Settings, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
    until = time.monotonic() + SECONDS
    parts, host, port = place_of(config, url)
    addresses = resolved(host, port, until)
    if not is_inner(config, host, port):
        for address in addresses:
            check_public(address)
    try:
        with connected(addresses, host, port, until) as connection:
            given = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "Okno", **headers}
            connection.request(method, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, given)
            answer = connection.getresponse()
            read = answer.read(MOST + 1)
    except (OSError, HTTPException, ValueError) as error:
        raise Unreachable(f"no answer: {type(error).__name__}") from None
    if time.monotonic() > until:
        raise Unreachable("no answer in time")
    if len(read) > MOST:
        raise Unreachable("the answer is too long")
    if answer.length:
        raise Unreachable("the answer is cut short")
    if 300 <= answer.status < 400:
        raise Unreachable("the answer leads elsewhere")
    return Reply(answer.status, read)


def place_of(config: Settings, url: str) -> tuple[SplitResult, str, int]:
    """The parts of the URL, its host as the DNS knows it, its port. Raises Unreachable for one we do not ask."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode().lower() if ":" not in (parts.hostname or "") else ""
        port = parts.port or 443
    except (ValueError, UnicodeError):
        raise Unreachable("this is no URL") from None
    well = parts.scheme == "https" and host and parts.username is None and not parts.fragment
    if not well or len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise Unreachable("the URL must look like https://host/path")
    if port not in PORTS and not is_inner(config, host, port):
        raise Unreachable("this port is not asked")
    return parts, host, port


def is_inner(config: Settings, host: str, port: int) -> bool:
    """Whether the host may be asked whatever its address: named with this port, or without one for the usual ports."""
    return f"{host}:{port}" in config.inner_hosts or (host in config.inner_hosts and port in PORTS)


def resolved(host: str, port: int, until: float) -> list[str]:
    """Every address of the host, in the order to try them. The resolver takes no time limit, so a thread asks it."""
    found: list[str] = []

    def ask() -> None:
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        found.extend(dict.fromkeys(str(row[4][0]) for row in rows))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(max(0.0, until - time.monotonic()))
    addresses = list(found)
    if not addresses:
        raise Unreachable("the host is not known")
    return addresses


def check_public(text: str) -> None:
    """Raises Unreachable where the address, or one that is wrapped in it, is not on the public Internet."""
    for address in unwrapped(ip_address(text.partition("%")[0])):
        if isinstance(address, IPv6Address):
            public = address in GLOBAL_UNICAST and address.is_global
        else:
            public = address.is_global and not address.is_multicast and not any(address in net for net in REFUSED)
        if not public:
            raise Unreachable("the host is inside")


def unwrapped(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """The address that packets go to in the end: v4-mapped, NAT64, 6to4 and Teredo carry one within."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if address in NAT64:
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    if address.sixtofour:
        return [address.sixtofour]
    if address.teredo:
        return list(address.teredo)
    return [address]


@contextmanager
def connected(addresses: list[str], host: str, port: int, until: float) -> Iterator[HTTPConnection]:
    """A connection to the first address that takes one, its certificate checked for the host; cut off when time is up,
    however slowly the other side goes on."""
    context = ssl.create_default_context()
    plain = first_open(addresses, port, until)
    with context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False) as secured:
        clock = threading.Timer(max(0.0, until - time.monotonic()), cut, (secured,))
        clock.daemon = True
        clock.start()
        try:
            secured.do_handshake()
            connection = HTTPConnection(host, port)
            connection.default_port = 443  # so that the Host header names the port where it is another
            connection.sock = secured
            yield connection
        finally:
            clock.cancel()


def first_open(addresses: list[str], port: int, until: float) -> socket.socket:
    for address in addresses:
        left = until - time.monotonic()
        if left <= 0:
            break
        opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        opened.settimeout(left)
        try:
            opened.connect((address, port))
        except OSError:
            opened.close()
            continue
        return opened
    raise Unreachable("the host does not answer")


def cut(opened: socket.socket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(opened, socket.SHUT_RDWR)
