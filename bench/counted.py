"""The application as it counts the calls of the API, with more of them in a minute than the bench can make."""

import crm.doors
from crm.wsgi import app


def endless(_plan: str) -> int | None:
    return 10**9


setattr(crm.doors, "calls_a_minute", endless)  # noqa: B010 (a name that is not theirs to give away)

__all__ = ["app"]
