"""The features of the product, in one list: each brings its pages and its resources."""

from pathlib import Path

from flask import Flask

import billing.care  # noqa: F401 (declares its jobs)
import crm.models  # noqa: F401 (declares every table before the first query)
import tenants.counting
import tenants.housekeeping  # noqa: F401 (declares its jobs)
from billing.standin import pages as test_payments
from billing.standin.embedded import standin_of
from crm import accounts, mailbox
from crm.absences import moving as absences_jobs  # noqa: F401 (declares its jobs)
from crm.absences.pages import pages as absences_pages
from crm.audit.pages import pages as audit_pages
from crm.backups import jobs as backups_jobs  # noqa: F401 (declares its jobs)
from crm.backups import rules as backups_rules  # noqa: F401 (declares how rows come in)
from crm.backups.pages import pages as backups_pages
from crm.calls import api as calls_api
from crm.calls import missed as calls_jobs  # noqa: F401 (declares its jobs)
from crm.calls.front import front as telephone
from crm.calls.pages import pages as calls_pages
from crm.closing import jobs as closing_jobs  # noqa: F401 (declares its jobs)
from crm.closing.front import front as certificates
from crm.closing.pages import pages as closing_pages
from crm.companies import api as companies_api
from crm.companies.pages import pages as companies_pages
from crm.contacts import api as contacts_api
from crm.contacts.pages import pages as contacts_pages
from crm.deals import api as deals_api
from crm.deals.item_pages import pages as items_pages
from crm.deals.pages import pages as deals_pages
from crm.deals.pipeline_pages import pages as pipelines_pages
from crm.documents.pages import pages as documents_pages
from crm.exports import api as exports_api
from crm.exports import run as exports_jobs  # noqa: F401 (declares its jobs)
from crm.exports.pages import pages as exports_pages
from crm.fields import api as fields_api
from crm.fields.pages import pages as fields_pages
from crm.find.pages import pages as find_pages
from crm.forms.front import front as public_forms
from crm.forms.pages import pages as forms_pages
from crm.imports import api as imports_api
from crm.imports import run as imports_jobs  # noqa: F401 (declares its jobs)
from crm.imports.pages import pages as imports_pages
from crm.limits import jobs as limits_jobs  # noqa: F401 (declares its jobs)
from crm.limits.pages import pages as limits_pages
from crm.mails import api as mails_api
from crm.mails import receiving, sending  # noqa: F401 (declare their jobs)
from crm.mails.pages import pages as mails_pages
from crm.notifications import letters, pushing, timed  # noqa: F401 (declares their jobs)
from crm.notifications.app import app_files
from crm.notifications.pages import pages as notifications_pages
from crm.notifications.unsubscribing import front as unsubscribing
from crm.payments import api as payments_api
from crm.payments.online import clients as client_payments
from crm.payments.pages import pages as payments_pages
from crm.people.departments import pages as departments_pages
from crm.people.joining import joining
from crm.people.pages import pages as people_pages
from crm.people.sharing import pages as sharing_pages
from crm.plan.front import front as prices
from crm.plan.front import stripe
from crm.plan.pages import pages as plan_pages
from crm.privacy.pages import pages as privacy_pages
from crm.processes import after as processes_after  # noqa: F401 (declares what a restore does)
from crm.processes import api as processes_api
from crm.processes import completing, running, starting  # noqa: F401 (declare their jobs, and what a step says to its task)
from crm.processes.designer_pages import pages as designer_pages
from crm.processes.doing_pages import pages as steps_pages
from crm.processes.pages import pages as processes_pages
from crm.processes.rule_pages import pages as rules_pages
from crm.processes.table_pages import pages as table_pages
from crm.processes.trial_pages import pages as trials_pages
from crm.products import api as products_api
from crm.products.pages import pages as products_pages
from crm.quotes import api as quotes_api
from crm.quotes import jobs as quotes_jobs  # noqa: F401 (declares its jobs)
from crm.quotes.front import front as client_quotes
from crm.quotes.pages import pages as quotes_pages
from crm.reports import job_report, weekly  # noqa: F401 (declare their jobs)
from crm.reports.pages import pages as reports_pages
from crm.requests import api as requests_api
from crm.requests import late as requests_jobs  # noqa: F401 (declares its jobs)
from crm.requests.pages import pages as requests_pages
from crm.roles.pages import pages as roles_pages
from crm.scim.api import scim
from crm.settings.pages import pages as settings_pages
from crm.setups.pages import pages as setups_pages
from crm.sso.front import front as sign_on
from crm.sso.pages import pages as sign_on_pages
from crm.tasks import api as tasks_api
from crm.tasks.pages import pages as tasks_pages
from crm.timeline import api as notes_api
from crm.timeline.pages import pages as notes_pages
from crm.today.pages import pages as today_pages

TRANSLATIONS = str(Path(__file__).parent / "translations")

RESOURCES = (
    contacts_api.RESOURCE,
    companies_api.RESOURCE,
    deals_api.DEALS,
    deals_api.PIPELINES,
    products_api.RESOURCE,
    fields_api.RESOURCE,
    quotes_api.RESOURCE,
    payments_api.RESOURCE,
    tasks_api.RESOURCE,
    requests_api.RESOURCE,
    notes_api.RESOURCE,
    calls_api.RESOURCE,
    mails_api.RESOURCE,
    imports_api.RESOURCE,
    exports_api.RESOURCE,
    processes_api.PROCESS_RESOURCE,
    processes_api.RUN_RESOURCE,
)
PAGES = (
    contacts_pages,
    companies_pages,
    deals_pages,
    pipelines_pages,
    items_pages,
    products_pages,
    fields_pages,
    quotes_pages,
    payments_pages,
    documents_pages,
    notes_pages,
    find_pages,
    tasks_pages,
    requests_pages,
    forms_pages,
    today_pages,
    reports_pages,
    imports_pages,
    exports_pages,
    settings_pages,
    setups_pages,
    absences_pages,
    sign_on_pages,
    people_pages,
    departments_pages,
    sharing_pages,
    roles_pages,
    audit_pages,
    limits_pages,
    notifications_pages,
    backups_pages,
    closing_pages,
    privacy_pages,
    designer_pages,
    table_pages,
    rules_pages,
    processes_pages,
    steps_pages,
    trials_pages,
    calls_pages,
    mails_pages,
)
# The one route of the API that takes more than a megabyte.
LARGE_UPLOAD = imports_api.FILE_ROUTE
# The one form that takes more than a table.
BACKUP_UPLOAD, BACKUP_SIZE = "backups.upload", 20 * 1024**3


def register(app: Flask) -> None:
    """Add every feature's pages."""
    accounts.register(app)
    mailbox.register(app)
    app.register_blueprint(joining)
    app.register_blueprint(sign_on)
    app.register_blueprint(certificates)
    app.register_blueprint(app_files)
    app.register_blueprint(unsubscribing)
    app.extensions["csrf"].exempt(unsubscribing)
    for public in (client_quotes, client_payments, public_forms, telephone):
        app.register_blueprint(public)
        app.extensions["csrf"].exempt(public)
    if app.config["OKNO"].payments is not None:
        sell(app)
    for pages in PAGES:
        app.register_blueprint(pages)
    app.register_blueprint(imports_api.FILES)
    app.extensions["csrf"].exempt(imports_api.FILES)
    app.register_blueprint(exports_api.FILES)
    app.extensions["csrf"].exempt(exports_api.FILES)
    app.register_blueprint(scim)
    app.extensions["csrf"].exempt(scim)


def sell(app: Flask) -> None:
    """Add what there is only where there are plans."""
    for blueprint in (prices, stripe, plan_pages):
        app.register_blueprint(blueprint)
    app.extensions["csrf"].exempt(stripe)
    if app.config["OKNO"].payments == "test":
        test_payments.register(app, standin_of(app.config["OKNO"]))
