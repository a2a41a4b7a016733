"""The child in which papers are typeset (limited.py): a program of its own that imports nothing of ours.

stdin: a dictionary as marshal writes it, which takes no import of Python's slow ones: "template" (Typst source), "data"
(JSON as a text), "fonts" (folders), "at"; stdout: the PDF. For Typst's files it has an empty folder.
"""

import marshal
import os
import resource
import sys

MEMORY = 512 << 20  # bytes
SECONDS = 10


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    asked = marshal.load(sys.stdin.buffer)  # noqa: S302 (our own process wrote it)
    import typst

    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=asked["fonts"])
    here = os.getcwd()  # noqa: PTH109 (pathlib would be one more import)
    compiler = typst.Compiler(root=here, font_paths=fonts, package_path=here, package_cache_path=here)
    pdf = compiler.compile(
        input=asked["template"].encode(), format="pdf", sys_inputs={"data": asked["data"]}, timestamp=asked["at"]
    )
    sys.stdout.buffer.write(pdf)  # type: ignore[arg-type]  # one file, since it is a PDF


if __name__ == "__main__":
    main()
