"""The stand-in of the embedded run: its file in OKNO_HOME, its events sent to the product's own door."""

from functools import cache
from urllib.parse import urlsplit

from billing.standin.server import StandIn
from config.settings import Settings
from core.signing import sign

FILE = "test-payments.sqlite"
DOOR = "/stripe/events"


@cache
def standin_of(config: Settings) -> StandIn:
    """One for each installation in this process; other processes share its file."""
    config.home.mkdir(parents=True, exist_ok=True)
    return StandIn(
        config.home / FILE,
        webhook_url=f"http://127.0.0.1:{config.port}{DOOR}",
        webhook_secret=f"whsec_{sign(config, 'test payments', 'events')}",
        origin=config.url,
        host=urlsplit(config.url).netloc,
    )
