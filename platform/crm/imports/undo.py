"""Undoing an import: its new contacts go to the bin, the changed ones get back what stood there before, from the
events' before-values. What somebody edited or used since is left as it is, and named.

Each step is one transaction, and doing a step again does nothing, so a job that was killed starts from the beginning.
"""

import logging
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from flask_babel import format_datetime  # noqa: F401
from sqlalchemy import insert, select, text

from core.actor import Actor
from core.errors import Forbidden
from core.events import Event, announce, describe
from core.ids import new_id
from core.jobs import Place
from crm.contacts.models import Contact
from tenants.members import acting_member

from .matching import prepare_transaction
from .models import Import
from .store import changed_row, event_of, write_changes
from .values import TAKEN

log = logging.getLogger(__name__)

STEP = 5_000
NAMED = 200  # of those left, that the report names
MARGIN = timedelta(minutes=10)  # by which the clocks of two machines may differ
