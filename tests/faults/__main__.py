"""`make faults`: a hundred kills in so many minutes; prints its seed, what happened, and what was not kept.

A process of its own, since the settings of a process are read once.
"""

import argparse
import sys
from random import SystemRandom

from tests.faults.run import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--workspaces", type=int, default=10)
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between two writes of one client")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(1_000_000))
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)  # noqa: T201
    report = run(
        given.seed, kills=given.kills, seconds=given.minutes * 60, workspaces=given.workspaces, pause=given.pause
    )
    print(report)  # noqa: T201
    for line in report.wrong:
        print(f"  {line}")  # noqa: T201
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
