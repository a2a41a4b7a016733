"""The refusals of actions and queries, each with words for the person who asked.

Pages show `title` and `detail` in place, the API sends them as RFC 9457 problem+json, the command line prints one line.
"""

from typing import Any

from flask_babel import lazy_gettext as _l
from pydantic import ValidationError


class Refusal(Exception):
    """Something was asked that will not be done. Nothing has been changed."""

    status = 400
    title = _l("This cannot be done")

    def __init__(self, detail: Any = "", **extra: Any):
        super().__init__(detail)
        self.detail = detail
        self.extra = extra


class NotFound(Refusal):
    """Missing, deleted, in another workspace, or not visible to this actor: the same answer for all four."""

    status = 404
    title = _l("There is nothing here")

    def __init__(self, detail: Any = _l("The record does not exist, or you may not see it.")):
        super().__init__(detail)


class Forbidden(Refusal):
    """The actor sees the record but lacks the right for this change."""

    status = 403
    title = _l("You may not do this")

    def __init__(self, detail: Any = _l("Ask an administrator of the workspace for the right.")):
        super().__init__(detail)


class Conflict(Refusal):
    """Somebody else changed the record since the actor read it. `current` is its present version number."""

    status = 412
    title = _l("Somebody else changed this meanwhile")

    def __init__(self, current: int):
        super().__init__(_l("Look at the present values and save again."), current=current)
        self.current = current


class Busy(Refusal):
    """The same thing cannot be done twice, or not in the present state."""

    status = 409
    title = _l("Not possible now")


class Invalid(Refusal):
    """One or more fields are wrong. `fields` is a list of (name, message)."""

    status = 422
    title = _l("Some fields need correcting")

    def __init__(self, *fields: tuple[str, Any]):
        super().__init__(_l("Correct the fields named and send again."))
        self.fields = list(fields)

    @classmethod
    def of(cls, error: ValidationError) -> "Invalid":
        """The same findings as Pydantic's, in our words and the reader's language."""
        return cls(*((".".join(map(str, e["loc"])), explain(e)) for e in error.errors(include_url=False)))


WORDS: dict[str, Any] = {
    "missing": _l("Fill this in."),
    "extra_forbidden": _l("There is no such field."),
    "string_type": _l("Write a text here."),
    "string_too_short": _l("Fill this in."),
    "string_too_long": _l("Too long: at most %(max_length)s characters."),
    "too_long": _l("Too many: at most %(max_length)s."),
    "uuid_parsing": _l("This is not an identifier."),
    "uuid_type": _l("This is not an identifier."),
    "date_from_datetime_parsing": _l("Write a date as 2026-12-31."),
    "date_parsing": _l("Write a date as 2026-12-31."),
    "date_type": _l("Write a date as 2026-12-31."),
    "datetime_parsing": _l("Write a date and time as 2026-12-31T15:30:00+01:00."),
    "datetime_from_date_parsing": _l("Write a date and time as 2026-12-31T15:30:00+01:00."),
    "datetime_type": _l("Write a date and time as 2026-12-31T15:30:00+01:00."),
    "timezone_aware": _l("Add the time zone, such as +01:00 or Z."),
    "decimal_parsing": _l("Write a number."),
    "decimal_type": _l("Write a number."),
    "decimal_max_digits": _l("The number is too long: at most %(max_digits)s digits."),
    "decimal_max_places": _l("At most %(decimal_places)s decimal places."),
    "int_parsing": _l("Write a whole number."),
    "int_type": _l("Write a whole number."),
    "int_from_float": _l("Write a whole number."),
    "bool_parsing": _l("Choose yes or no."),
    "bool_type": _l("Choose yes or no."),
    "greater_than_equal": _l("At least %(ge)s."),
    "less_than_equal": _l("At most %(le)s."),
    "literal_error": _l("Choose one of: %(expected)s."),
    "enum": _l("Choose one of: %(expected)s."),
    "json_invalid": _l("This is not valid JSON."),
    "model_type": _l("Send an object here."),
    "model_attributes_type": _l("Send an object here."),
    "dict_type": _l("Send an object here."),
    "list_type": _l("Send a list here."),
    "finite_number": _l("Write a number."),
}


def explain(finding: Any) -> str:
    """One Pydantic finding as a sentence that says what to do. Our own validators' sentences pass through."""
    if finding["type"] == "value_error":
        return str(finding["ctx"]["error"])
    words = WORDS.get(finding["type"])
    return str(words) % finding.get("ctx", {}) if words is not None else str(finding["msg"])
