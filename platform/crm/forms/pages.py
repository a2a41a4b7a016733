"""Pages of web forms, in the settings."""

from core.actor import Actor
from core.pages import Pages

pages = Pages("forms", __name__)


@pages.get("/settings/forms")
def index(actor: Actor) -> str:
    actor.require(("form", "edit"))
    return ""
