"""What tests of notifications may ask for."""

import pytest

from tests.crm.notifications.office import Office
from tests.shop import Shop


@pytest.fixture
def office(shop: Shop) -> Office:
    """A workspace with an owner and two who sell."""
    made = Office(shop)
    made.person("Petr Malý")
    made.person("Eva Nová")
    return made
