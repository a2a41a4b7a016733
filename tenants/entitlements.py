"""What a workspace's plan includes."""

from typing import Literal

from core.db import Workspace

Feature = Literal["single_sign_on"]


def entitled(_workspace: Workspace, _feature: Feature) -> bool:
    """Whether the workspace may use it. True for all until there are plans; then single sign-on with provisioning is
    part of Business, and this is the one place that says so."""
    return True
