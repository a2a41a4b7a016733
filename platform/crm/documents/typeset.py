"""Papers as PDF, typeset by Typst in a child of this process (limited.py).

Templates are ours; what people wrote comes in as data and is never part of the markup. The font is Inter, under the SIL
Open Font License, which allows it to be embedded in documents.
"""

import marshal
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import fontpkg_inter
import orjson

from crm.documents.limited import NotMade as NotTypeset
from crm.documents.limited import in_child

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
CHILD = HERE / "typst_child.py"
FONTS = fontpkg_inter.ROOT / "files"
SECONDS = 15

__all__ = ["HERE", "NotTypeset", "typeset"]


def typeset(template: str, data: dict[str, Any], at: datetime) -> bytes:
    """The PDF of a template ("quote") with this data; `at` stands in the file as its date. Raises NotTypeset."""
    asked = {
        "template": source(template), "data": orjson.dumps(data).decode(), "fonts": [str(FONTS)],
        "at": int(at.timestamp()),
    }  # fmt: skip
    pdf = in_child(CHILD, marshal.dumps(asked), SECONDS)
    if not pdf.startswith(b"%PDF"):
        raise NotTypeset("the child made no PDF")
    return pdf


@cache
def source(template: str) -> str:
    return (TEMPLATES / f"{template}.typ").read_text()
