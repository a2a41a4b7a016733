"""What tests of processes may ask for."""

import pytest

from tests.crm.processes.works import Works
from tests.shop import Shop


@pytest.fixture
def works(shop: Shop) -> Works:
    return Works(shop)
