"""Events as sentences in the reader's language: "Deal Windows for a flat moved from Measurement to Quote"."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask_babel import format_decimal
from flask_babel import lazy_gettext as _l
from markupsafe import Markup, escape
from sqlalchemy import Row, select

from core.actor import Actor
from core.pages import clock, day, highlight
from core.people import shown_phone
from core.text import shortened
from crm.companies.models import Company
from crm.contacts.models import Contact
from crm.deals.models import Pipeline, Stage
from tenants.models import Member
