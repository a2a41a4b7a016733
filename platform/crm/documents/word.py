"""Templates of Word (.docx): whether one may be taken, what it asks for, and filling it in.

What is in the file is somebody's. Before anything reads it, its package is looked at here, without unpacking more than
is allowed: macros, things embedded and links to elsewhere are refused and named. What reads it is a child (limited.py).
"""

import base64
import io
import re
import zipfile
from typing import Any
from xml.etree.ElementTree import ParseError

import orjson
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from flask_babel import gettext as _

from core.errors import Invalid
from crm.documents.limited import NotMade, in_child
from crm.documents.typeset import HERE

LARGEST = 5 << 20  # bytes of the file
UNPACKED = 40 << 20
PARTS = 500
MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
CHILD = HERE / "word_child.py"
# Fields of Word that fetch or run something when the document is opened.
FETCHING = re.compile(r"\b(INCLUDETEXT|INCLUDEPICTURE|DDE|DDEAUTO|LINK|IMPORT|DATABASE|MACROBUTTON)\b")
LINKS = ("http://", "https://", "mailto:")


def placeholders_of(content: bytes) -> list[str]:
    """What the template asks for: "deal.name", "items.net". Raises Invalid for what is no template to be used."""
    check(content)
    try:
        said = orjson.loads(in_child(CHILD, asked(content, None)))
    except NotMade:
        raise refused(_("This file cannot be read. Open it in Word, save it as .docx and try again.")) from None
    if "wrong" in said:
        code, where = said["wrong"]
        words = {
            "code": _("There is code in it, near %(place)s. A template may only name values, such as {{ deal.name }}.",
                      place=f"“{where[:60]}”"),
            "syntax": _("A placeholder is not written right: %(words)s", words=where[:200]),
            "many": _("There are too many placeholders in it."),
        }  # fmt: skip
        raise refused(words[code])
    used: list[str] = said["used"]
    return used


def filled(content: bytes, data: dict[str, Any]) -> bytes:
    """The document. Raises NotMade."""
    return in_child(CHILD, asked(content, data))


def asked(content: bytes, data: dict[str, Any] | None) -> bytes:
    return orjson.dumps({"file": base64.b64encode(content).decode(), "data": data})


def check(content: bytes) -> None:
    """Raises Invalid, with a sentence that names the place."""
    if len(content) > LARGEST:
        raise refused(_("The file is larger than 5 MB. Make its pictures smaller."))
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            check_package(package)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ParseError, DefusedXmlException, OSError):
        raise refused(_("This is no Word document. Save it as .docx.")) from None


def check_package(package: zipfile.ZipFile) -> None:
    entries = package.infolist()
    if len(entries) > PARTS or sum(one.file_size for one in entries) > UNPACKED:
        raise refused(_("There is far more packed into this file than a document has."))
    left = UNPACKED
    types = ""
    for entry in entries:
        with package.open(entry) as packed:
            part = packed.read(left + 1)
        left -= len(part)
        if left < 0:
            raise refused(_("There is far more packed into this file than a document has."))
        check_part(entry.filename, part)
        if entry.filename == "[Content_Types].xml":
            types = part.decode("utf-8", "replace")
    if "macroEnabled" in types:
        raise refused(_("There are macros in it. Save it as .docx, without them."))
    if MAIN not in types:
        raise refused(_("This is no Word document. Save it as .docx."))


def check_part(name: str, part: bytes) -> None:
    plain = name.lower()
    if plain.endswith(".bin") or "vba" in plain or "/activex/" in plain:
        raise refused(_("There are macros or controls in it: %(place)s. Take them out.", place=name))
    if "/embeddings/" in plain:
        raise refused(_("Something is embedded in it: %(place)s. Take it out, or put it in as a picture.", place=name))
    if not plain.endswith((".xml", ".rels")):
        return
    if b"<!DOCTYPE" in part or b"<!ENTITY" in part:
        raise refused(_("There is something in it that no Word document has: %(place)s.", place=name))
    if plain.endswith(".rels"):
        check_relations(name, part)
        return
    tree = fromstring(part, forbid_dtd=True)
    fields = "".join(one.text or "" for one in tree.iter() if one.tag.endswith("}instrText"))
    simple = " ".join(value for one in tree.iter() for key, value in one.attrib.items() if key.endswith("}instr"))
    found = FETCHING.search(f"{fields} {simple}")
    if found:
        raise refused(_("The field %(field)s in %(place)s reaches elsewhere. Take it out.", field=found[1], place=name))


def check_relations(name: str, part: bytes) -> None:
    """A link in the text that a reader clicks may lead out; nothing that is fetched by itself may."""
    for one in fromstring(part, forbid_dtd=True):
        if one.get("TargetMode") != "External":
            continue
        target, kind = one.get("Target", ""), one.get("Type", "").rpartition("/")[2]
        if kind != "hyperlink" or not target.lower().startswith(LINKS):
            raise refused(
                _("It reaches elsewhere by itself: %(target)s (%(kind)s in %(place)s). Take that out.",
                  target=target[:100], kind=kind, place=name)
            )  # fmt: skip


def refused(words: str) -> Invalid:
    return Invalid(("file", words))
