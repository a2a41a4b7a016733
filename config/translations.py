"""`make translations` and its check: the texts in code and templates against the catalogues.

A catalogue is platform/crm/translations/LANGUAGE/LC_MESSAGES/messages.po. English is the text itself.
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po

FOLDER = Path("platform/crm/translations")
LANGUAGES = ("cs",)
KEYWORDS = ("_l", "lazy_gettext", "lazy_ngettext:1,2", "lazy_pgettext:1c,2", "_p:1c,2")


def main(arguments: list[str]) -> int:
    """`update` or `check`. Returns the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        template = Path(folder) / "messages.pot"
        _extract(template)
        if arguments == ["update"]:
            _update(template)
            return 0
        complaints = list(_complaints(template))
    for complaint in complaints:
        print(complaint)  # noqa: T201
    return 1 if complaints else 0


def _extract(template: Path) -> None:
    keywords = [part for keyword in KEYWORDS for part in ("-k", keyword)]
    _babel("extract", "-F", "pyproject.toml", *keywords, "--add-location=file", "--no-wrap", "-o", str(template), ".")


def _update(template: Path) -> None:
    for language in LANGUAGES:
        catalogue = _catalogue(language)
        place = ["-i", str(template), "-o", str(catalogue), "-l", language, "--no-wrap"]
        if catalogue.exists():
            _babel("update", *place, "--no-fuzzy-matching", "--ignore-obsolete")
        else:
            _babel("init", *place)
        _babel("compile", "-i", str(catalogue), "-o", str(catalogue.with_suffix(".mo")))


def _complaints(template: Path) -> Iterator[str]:
    """One line for each text that a language lacks or has wrong."""
    with template.open("rb") as file:
        texts = read_po(file)
    for language in LANGUAGES:
        path = _catalogue(language)
        if not path.exists():
            yield f"{path} is missing: run make translations"
            continue
        with path.open("rb") as file:
            yield from (f"{path}: {complaint}" for complaint in _compare(texts, read_po(file, locale=language)))


def _compare(texts: Catalog, catalogue: Catalog) -> Iterator[str]:
    for text in texts:
        if not text.id:
            continue
        found = catalogue.get(text.id, text.context)
        if found is None:
            yield f"{text.id!r} is not in it: run make translations"
        elif found.fuzzy or not all(found.string if isinstance(found.string, tuple) else [found.string]):
            yield f"{text.id!r} is not translated"
        else:
            yield from (f"{text.id!r}: {error}" for error in found.check(catalogue))


def _catalogue(language: str) -> Path:
    return FOLDER / language / "LC_MESSAGES" / "messages.po"


def _babel(*arguments: str) -> None:
    CommandLineInterface().run(["pybabel", "--quiet", *arguments])  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
