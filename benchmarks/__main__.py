"""``python -m benchmarks [names]``: run the benches, all of them or those named, and print one table.

Each bench's figures also go to standard error as soon as it ends, so that a run that is cut off loses none.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from benchmarks import decision, full_stack, hopper, import_speed, tapped
from benchmarks.table import Figure, lines

BENCHES: Final[dict[str, Callable[[], list[Figure]]]] = {
    "full_stack": full_stack.bench,
    "decision_to_agent": decision.bench,
    "tapped": tapped.bench,
    "hopper": hopper.bench,
    "import": import_speed.bench,
}


def main() -> int:
    """0 if every target was met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(BENCHES))
    names = parser.parse_args().names or list(BENCHES)
    if unknown := [name for name in names if name not in BENCHES]:
        parser.error(f"no bench {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    os.environ["CALLFLOOR_CONFIG"] = os.devnull  # a bench measures its own settings, not those of who runs it
    found: list[Figure] = []
    for name in names:
        load = Path("/proc/loadavg").read_text().split()[0]
        print(f"{name} ... (load {load} at its start)", file=sys.stderr, flush=True)
        figures = [Figure(name, "load of the machine at the start", float(load)), *BENCHES[name]()]
        print("\n".join(lines(figures)), file=sys.stderr, flush=True)
        found += figures
    print("\n".join(lines(found)))
    return 1 if any(figure.met is False for figure in found) else 0


if __name__ == "__main__":
    sys.exit(main())
