"""Work on papers in a child of this process, so that whatever a paper does to its maker ends with the child.

The children (typst_child.py, word_child.py) are programs of their own that import nothing of ours and read all they
need from stdin. Each has 512 MB, 10 s of the processor, no environment, may write no file, and stands in an empty
folder; it is ended after 15 s.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

SECONDS = 15
LARGEST = 50 << 20  # bytes of an answer


class NotMade(RuntimeError):
    """The paper could not be made within its limits."""


def in_child(program: Path, asked: bytes, seconds: float = SECONDS) -> bytes:
    """What the program answers. Raises NotMade."""
    with tempfile.TemporaryDirectory(prefix="okno-paper-") as empty:
        try:
            done = subprocess.run(
                [sys.executable, "-I", str(program)],
                input=asked, capture_output=True, timeout=seconds, cwd=empty, env={}, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise NotMade(f"it took longer than {seconds} s") from None
    if done.returncode != 0 or len(done.stdout) > LARGEST:
        raise NotMade(f"the child ended with {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}")
    return done.stdout
