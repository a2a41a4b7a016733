"""The DNS, as far as we ask it ourselves: the texts that a domain's owner has published."""

from urllib.parse import urlsplit

from dns.exception import DNSException
from dns.nameserver import Do53Nameserver
from dns.resolver import NXDOMAIN, NoAnswer, Resolver

from config.settings import Settings

SECONDS = 5.0


class NoDns(Exception):
    """The DNS gives no answer just now, which says nothing of the domain."""


def texts(config: Settings, name: str) -> list[str]:
    """The TXT records of a name; none where it has none or does not exist. Raises NoDns."""
    try:
        answer = resolver(config).resolve(f"{name}.", "TXT", lifetime=SECONDS, search=False)
    except (NXDOMAIN, NoAnswer):
        return []
    except DNSException:
        raise NoDns() from None
    return [b"".join(row.strings).decode(errors="replace") for row in answer]


def resolver(config: Settings) -> Resolver:
    """The machine's own, unless the settings name servers."""
    if not config.dns_servers:
        return Resolver()
    made = Resolver(configure=False)
    for server in config.dns_servers:
        parts = urlsplit(f"//{server}")
        made.nameservers = [*made.nameservers, Do53Nameserver(parts.hostname or "", parts.port or 53)]
    return made
