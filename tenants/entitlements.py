"""What a workspace's plan includes: the one question that pages, the API and jobs ask alike."""

from flask_babel import gettext as _

from config.plans import Feature, plans
from config.settings import settings
from core.db import Workspace
from core.errors import Forbidden


def entitled(workspace: Workspace, feature: Feature) -> bool:
    """Whether the workspace may set this up. Always, where there are no plans.

    What was set up while the plan included it goes on working after a downgrade, so that nobody is locked out and
    nothing that was hidden is shown; it is only not extended.
    """
    return settings().payments is None or feature in plans().of(workspace.plan).features


def check_entitled(workspace: Workspace, feature: Feature) -> None:
    """Raises Forbidden with the plan that includes it."""
    if not entitled(workspace, feature):
        plan = plans().cheapest_with(feature)
        raise Forbidden(_("This is part of the plan %(plan)s.", plan=plan.name if plan else ""))
