"""Telling a webhook: a service step with

    <okno:webhook url="https://example.com/orders"><okno:arg name="deal" value="deal.id"/></okno:webhook>

posts the arguments as JSON, and goes on when it is answered: `steps.<id>.status` is what it answered, `answer` its
JSON, if that is small. Who does not answer, or answers with 5xx, is asked again, five times within a quarter of an
hour; then the step fails, and the run takes its error event or stops. Each attempt is signed by the workspace's secret
(standardwebhooks.com) and has the same webhook-id, so that the other side can tell a forgery and a repeat. Addresses
inside of our network are not asked (core.outbound).
"""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from standardwebhooks import Webhook

from config.settings import Settings, settings
from core import outbound
from core.db import Workspace
from core.errors import Refusal
from core.jobs import Place, job, later
from core.outbox import dump
from core.signing import mac
from crm.processes.bpmn import Element
from crm.processes.expressions import evaluate
from crm.processes.models import Instance, Step

WEBHOOK = "process.webhook"
PAUSES = (5, 30, 120, 600)  # seconds before the second to the fifth attempt
LARGEST = 50_000  # bytes that are sent
KEPT = 2_000  # characters of an answer that a run keeps


def asked_of(element: Element, context: Mapping[str, Any]) -> dict[str, Any]:
    """Where to and what, computed when the run comes there. Raises Refusal."""
    webhook = element.all("webhook")[0]
    said = webhook.get("url")
    url = said if said.startswith("https:") else str(evaluate(said, context))
    sent = {one.get("name"): evaluate(one.get("value") or one.text, context) for one in webhook.inner}
    if len(dump(sent)) > LARGEST:
        raise Refusal(_("This is too much for one webhook."))
    return {"url": url, "sent": orjson.loads(dump(sent)), "tries": 0}


@job(WEBHOOK)
def tell(place: Place, step_id: str) -> None:
    """One attempt, outside of any transaction; what it brought is kept if the run still waits for it."""
    with place.database.workspace(place.here()) as session:
        step = waiting(session, UUID(step_id))
    if step is None:
        return
    config, body = settings(), orjson.dumps(step.values["sent"])
    signed = signatures(config, place.here(), str(step.id), body)
    try:
        reply = outbound.post(config, step.values["url"], body, {"Content-Type": "application/json", **signed})
        failed = f"{reply.status}" if reply.status >= 500 else ""
        found = {"status": reply.status, "answer": small(reply.body)}
    except outbound.Unreachable as error:
        failed, found = str(error), {}
    with place.database.workspace(place.here()) as session, session.begin():
        kept = waiting(session, step.id, held=True)
        if kept is not None and kept.values.get("tries") == step.values["tries"]:
            settle(session, kept, failed, found, place.here().language)


def secrets_of(config: Settings, workspace: Workspace) -> list[str]:
    """What signs the workspace's webhooks, as the other side is told it; the newest first, former ones while the
    installation's key is being changed."""
    keys = (config.secret_key, *config.secret_key_fallbacks)
    raw = (base64.urlsafe_b64decode(mac(key, "webhook", str(workspace.id)) + "=") for key in keys)
    return [f"whsec_{base64.b64encode(one).decode()}" for one in raw]


def signatures(config: Settings, workspace: Workspace, webhook_id: str, body: bytes) -> dict[str, str]:
    """The headers of one attempt, now."""
    now = datetime.now(UTC)
    made = [Webhook(secret).sign(webhook_id, now, body.decode()) for secret in secrets_of(config, workspace)]
    return {
        "webhook-id": webhook_id, "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": " ".join(made),
    }  # fmt: skip


def waiting(session: Session, step_id: UUID, *, held: bool = False) -> Step | None:
    """The step, while its run waits for the answer."""
    rows = select(Step).join(Instance, Instance.id == Step.instance_id)
    rows = rows.where(Step.id == step_id, Step.state == "open", Step.kind == "webhook", Instance.status == "running")
    step: Step | None = session.scalar(rows.with_for_update(of=Step) if held else rows)
    return step


def settle(session: Session, step: Step, failed: str, found: dict[str, Any], language: str) -> None:
    """The answer is there; or another attempt comes later; or that was the last."""
    tries = step.values["tries"] + 1
    if failed and tries <= len(PAUSES):
        step.values = {**step.values, "tries": tries}
        later(session, WEBHOOK, at=datetime.now(UTC) + timedelta(seconds=PAUSES[tries - 1]), step_id=step.id)
        return
    with force_locale(language):
        gave_up = _("%(url)s was asked %(tries)s times: %(why)s", url=step.values["url"], tries=tries, why=failed)
    step.values = {**step.values, "tries": 0, "error": str(gave_up)} if failed else found
    step.state, step.done_at = "arrived", session.scalar(select(func.clock_timestamp()))
    later(session, "process.advance", instance_id=step.instance_id)


def small(body: bytes) -> Any:
    """The answer as JSON, or nothing where it is none or too large to be kept."""
    try:
        return orjson.loads(body) if len(body) <= KEPT else None
    except orjson.JSONDecodeError:
        return None
