"""The door for telephone exchanges, outside of workspaces: one unguessable address for each telephone."""

from flask import Blueprint, request

from core.db import database
from core.letters import here
from core.pages import Answer
from crm.calls import hearing
from crm.calls.deliveries import Delivery

front = Blueprint("telephone", __name__)

LARGEST = 64 * 1024


def address_of(number: int, key: str) -> str:
    """The address of a telephone of the workspace with this number."""
    return f"{here().url}/telephone/{number}-{key}"


@front.post("/telephone/<address>")
def event(address: str) -> Answer:
    """Stored, or refused with 403 and nothing stored."""
    request.max_content_length = LARGEST
    body = request.get_data(cache=True)
    query = f"?{request.query_string.decode('latin-1')}" if request.query_string else ""
    url = f"{here().url}{request.path}{query}"
    hearing.take(here(), database(), address, Delivery(url, request.headers, body, request.form))
    return "", 204
