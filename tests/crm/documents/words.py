"""Word documents in the hands of a test: written from paragraphs, and read back."""

import io
import zipfile

from docx import Document


def written(*paragraphs: str, table: tuple[str, ...] = ()) -> bytes:
    """A .docx of these paragraphs; `table` are the cells of one row each, a column."""
    document = Document()
    for words in paragraphs:
        document.add_paragraph(words)
    if table:
        rows = document.add_table(rows=len(table), cols=1)
        for row, words in zip(rows.rows, table, strict=True):
            row.cells[0].text = words
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def read(content: bytes) -> str:
    document = Document(io.BytesIO(content))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(paragraph.text for paragraph in document.paragraphs), *cells])


def changed(content: bytes, **parts: bytes | None) -> bytes:
    """The same package with parts replaced, added or, for None, left out. "__" in a name stands for a slash."""
    given = {name.replace("__", "/").replace("DOT", "."): part for name, part in parts.items()}
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if entry.filename not in given:
                new.writestr(entry, old.read(entry))
        for name, part in given.items():
            if part is not None:
                new.writestr(name, part)
    return out.getvalue()
