"""Every table of a workspace, for the migrations and the tests."""

from core import events, jobs, limits, waiting
from core.db import Base
from crm.absences import models as absences
from crm.calls import models as calls
from crm.companies import models as companies
from crm.contacts import models as contacts
from crm.deals import models as deals
from crm.documents import models as documents
from crm.exports import models as exports
from crm.fields import models as fields
from crm.forms import models as forms
from crm.imports import models as imports
from crm.mails import models as mails
from crm.notifications import models as notifications
from crm.payments import models as payments
from crm.processes import models as processes
from crm.products import models as products
from crm.quotes import models as quotes
from crm.reports import models as reports
from crm.requests import models as requests
from crm.tasks import models as tasks
from crm.timeline import models as timeline
from tenants import models as tenants
from tenants import sign_on_models as sign_on
from tenants.backups import models as backups

METADATA = Base.metadata

__all__ = [
    "METADATA",
    "absences",
    "backups",
    "calls",
    "companies",
    "contacts",
    "deals",
    "documents",
    "events",
    "exports",
    "fields",
    "forms",
    "imports",
    "jobs",
    "limits",
    "mails",
    "notifications",
    "payments",
    "processes",
    "products",
    "quotes",
    "reports",
    "requests",
    "sign_on",
    "tasks",
    "tenants",
    "timeline",
    "waiting",
]
