"""The API keeps its document: schemathesis calls every operation, rightly and wrongly, one by one and in sequences.

Every answer must be as the document says (status, content type, headers, body), wrong data and missing tokens must be
refused, and nothing may fail. What gets stored stays in a workspace of this module.
"""

from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig

import crm.features  # noqa: F401 (declares the resources)
from core.api import answer
from core.openapi import document
from tests.shop import open_shop

pytestmark = pytest.mark.slow

CONFIG = {
    "generation": {"mode": "all"},
    "checks": {
        # What a schema cannot say (this e-mail does not exist, that record is not yours) is refused with 422.
        "positive_data_acceptance": {"expected-statuses": ["2xx", "401", "403", "404", "409", "412", "422"]},
        "missing_required_header": {"expected-statuses": ["401", "422", "428"]},
    },
}
QUICKLY = settings(
    max_examples=6, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), stateful_step_count=8
)


class Door:
    """Stands for the application while cases are made, before there is one: it knows the document alone. Afterwards
    it lets them through, with a real token in the place of the words they carry."""

    words = "Bearer the token of this module"
    app: Flask | None = None
    token = ""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if self.app is None:
            return answer(document("http://localhost:8000"))(environ, start_response)
        if environ.get("HTTP_AUTHORIZATION") == self.words:
            environ["HTTP_AUTHORIZATION"] = f"Bearer {self.token}"
        return self.app(environ, start_response)


door = Door()
schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", door, config=SchemathesisConfig.from_dict(CONFIG))


@schema.auth()
class Token:
    def get(self, _case: Any, _context: Any) -> str:
        return door.words

    def set(self, case: Any, data: str, _context: Any) -> None:
        case.headers["Authorization"] = data


@pytest.fixture(scope="module", autouse=True)
def opened(app: Flask) -> None:
    """The member may everything, in a workspace of this module."""
    with app.test_request_context("/"):
        door.token = open_shop(app).token()
    door.app = app


@schema.parametrize()
@settings(QUICKLY)
def test_every_operation_answers_as_the_document_says(case: Any) -> None:
    case.call_and_validate()


def test_sequences_of_operations_answer_as_the_document_says() -> None:
    schema.as_state_machine().run(settings=QUICKLY)
