"""Papers as PDF, typeset by Typst in a child of this process (child.py), so that whatever a paper does to its
typesetter ends with the child.

Templates are ours; what people wrote comes in as data and is never part of the markup. The font is Inter, under the SIL
Open Font License, which allows it to be embedded in documents.
"""

import subprocess
import sys
import tempfile
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import fontpkg_inter
import orjson

TEMPLATES = Path(__file__).parent / "templates"
CHILD = Path(__file__).with_name("child.py")
FONTS = fontpkg_inter.ROOT / "files"
SECONDS = 15
LARGEST = 50 << 20  # bytes of a PDF


class NotTypeset(RuntimeError):
    """The paper could not be made within its limits."""


def typeset(template: str, data: dict[str, Any], at: datetime) -> bytes:
    """The PDF of a template ("quote") with this data; `at` stands in the file as its date. Raises NotTypeset."""
    asked = {
        "template": source(template), "data": orjson.dumps(data).decode(), "fonts": [str(FONTS)],
        "at": int(at.timestamp()),
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="okno-paper-") as empty:
        try:
            done = subprocess.run(
                [sys.executable, "-I", str(CHILD)],
                input=orjson.dumps(asked), capture_output=True, timeout=SECONDS, cwd=empty, env={}, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise NotTypeset(f"it took longer than {SECONDS} s") from None
    if done.returncode != 0 or not done.stdout.startswith(b"%PDF") or len(done.stdout) > LARGEST:
        raise NotTypeset(f"the child ended with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout


@cache
def source(template: str) -> str:
    return (TEMPLATES / f"{template}.typ").read_text()
