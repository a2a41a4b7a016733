"""The stand-in of the embedded run: its file in the home folder, its events to this very machine."""

from functools import cache

from billing.standin.server import StandIn
from config.settings import Settings
from core.signing import sign

FILE = "test-payments.sqlite"


@cache
def standin_of(config: Settings) -> StandIn:
    """One for each process, all of the same file."""
    return StandIn(
        config.home / FILE,
        webhook_url=f"http://127.0.0.1:{config.port}/stripe/events",
        webhook_secret=f"whsec_{sign(config, 'test payments', 'events')}",
        origin=config.url,
        host=config.url.partition("://")[2],
    )
