"""`python -m bench [NAME ...]`: measure the rows named, or all, and print the table."""

import sys
import traceback
from collections.abc import Callable, Iterator

from bench import (
    backups,
    board,
    changes,
    exports,
    imports,
    limits,
    lists,
    pages,
    processes,
    quotes,
    reports,
    rights,
    timers,
    work,
    workspaces,
)
from bench.figures import Figure, show
from bench.ground import Grounds, grounds

ROWS: dict[str, Callable[[Grounds], Iterator[Figure]]] = {
    "list": lists.a_list,
    "size": lists.size,
    "search": lists.search,
    "create": lists.create,
    "rights": rights.rights,
    "limit": limits.limit,
    "import": imports.imported,
    "export": exports.exported,
    "board": board.board,
    "dashboard": reports.dashboard,
    "prologue": changes.prologue,
    "event": changes.event,
    "jobs": work.jobs,
    "backlog": work.backlog,
    "deadlines": work.deadlines,
    "pages": pages.pages,
    "signup": workspaces.signup,
    "workspaces": workspaces.growth,
    "upgrade": workspaces.release,
    "backup": backups.backup,
    "quote": quotes.quote,
    "process": processes.process,
    "workers": timers.workers,
    "timers": timers.timers,
}


def main(names: list[str]) -> int:
    """Returns the exit code: 0 when all was measured, 1 when something could not be, 2 for an unknown name."""
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        print(f"bench: there is no row {unknown[0]}; choose from {', '.join(ROWS)}", file=sys.stderr)
        return 2
    figures: list[Figure] = []
    failed = []
    with grounds(say=lambda line: print(f"  {line}", file=sys.stderr)) as here:
        for name in names or ROWS:
            print(f"{name} ...", file=sys.stderr)
            try:
                figures += ROWS[name](here)
            except Exception:  # noqa: BLE001 (the other rows are measured all the same)
                traceback.print_exc()
                failed.append(name)
    show(figures)
    if failed:
        print(f"bench: could not measure {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
