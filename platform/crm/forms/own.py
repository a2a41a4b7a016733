"""Fields of a form that are a business's own: how each is asked, and where its answer goes.

Such a field of a form has the kind `own` and says `of` which: "deal.windows". What it asks with is decided by the
business's field as it is when the page is shown. Nothing that a client sent is lost when that is removed or offers
something else by then: it becomes an answer in words.
"""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import Invalid
from crm.fields.actions import CHOOSING
from crm.fields.models import Field, FieldType
from crm.fields.values import checked, is_nothing
from crm.forms.fields import KINDS, MOST_TEXT, OWN, Kind

ASKED: Mapping[FieldType, Kind] = {
    "text": Kind("", ""),
    "lines": Kind("", "", shape="text"),
    "number": Kind("", "", mode="decimal"),
    "day": Kind("", "", type="date"),
    "choice": Kind("", "", shape="choice"),
    "choices": Kind("", "", shape="choices"),
    "yes": Kind("", "", shape="check"),
    "link": Kind("", "", type="url", fill="url"),
}
Own = Mapping[str, Field]


def own_fields(session: Session, *, removed: bool = False) -> dict[str, Field]:
    """The fields of contacts and deals that a form may ask for, as a form names them; with those in the bin, if asked
    for."""
    query = select(Field).where(Field.record_kind.in_(("contact", "deal"))).order_by(Field.record_kind, Field.position)
    rows = session.scalars(query if removed else query.where(Field.deleted_at.is_(None)))
    return {f"{field.record_kind}.{field.key}": field for field in rows}


def asked_in(fields: list[dict[str, Any]], own: Own) -> list[tuple[dict[str, Any], Kind]]:
    """What a form asks and how. One whose own field is gone is a question like any other."""
    asked = []
    for one in fields:
        field = own.get(one.get("of", "")) if one["kind"] == OWN else None
        if field is not None:
            asked.append(({**one, "options": field.options}, ASKED[field.type]))
        else:
            asked.append((one, KINDS["question" if one["kind"] == OWN else one["kind"]]))
    return asked


def take_own(said: dict[str, Any], asked: dict[str, Any], field: Field | None, typed: str) -> None:
    """An answer into `fields` of the request, else into its answers. Raises ValueError, with words for the client."""
    typed = typed.strip().replace("\0", "").replace("\r\n", "\n")
    if not typed:
        if asked["required"]:
            raise ValueError(_("Tick this box.") if field is not None and field.type == "yes" else _("Fill this in."))
        return
    if len(typed) > MOST_TEXT:
        raise ValueError(_("Too long: at most %(max_length)s characters.", max_length=MOST_TEXT))
    try:
        value = checked(field, typed)
    except Invalid as error:
        if field is not None and field.type not in CHOOSING:
            raise ValueError(error.fields[0][1]) from None
        said["answers"].append({"label": asked["label"], "value": typed})  # offered when the page was opened
        return
    if field is not None and not is_nothing(value):
        said["fields"][field.record_kind].setdefault("custom", {})[field.key] = value
