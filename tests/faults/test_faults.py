"""The short form of `make faults`: what was acknowledged is there after kills, and all that follows happened once."""

import os
import subprocess
import sys

from tests.browser.site import OURS, ROOT


def test_nothing_acknowledged_is_lost_and_nothing_happens_twice() -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    short = "--minutes 0.2 --kills 12 --workspaces 3 --pause 0.5".split()
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", *short],
        cwd=ROOT, env=environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}"}, capture_output=True, text=True,
        check=False, timeout=300,
    )  # fmt: skip
    print(done.stdout)  # noqa: T201
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
