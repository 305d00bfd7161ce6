"""Run everything, print the table, write it under what ``docs/benchmarks.md`` says of it.

``--quick``: a tenth of the records. ``python -m benchmarks pull merge``: only those parts, printed and not written.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import linking, measure
from benchmarks.flat import flat
from benchmarks.machine import described
from benchmarks.rows import Row
from benchmarks.workers import workers

DOCUMENT = Path(__file__).parents[1] / "docs" / "benchmarks.md"
HEAD = ("What", "Keepstep", "Beside", "Ratio", "Limit", "Reached")

MARK = "<!-- what follows is written by `make bench` -->"


def table(rows: list[Row]) -> str:
    lines = [HEAD, tuple("---" for _ in HEAD)]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        limit = "" if row.limit is None else f"{row.limit:.2f}"
        reached = {None: "", True: "yes", False: "no"}[row.reached]
        lines.append((row.what, row.ours, row.beside, ratio, limit, reached))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def parts(folder: Path, tenth: int) -> dict[str, Callable[[], Iterator[Row]]]:
    """What can be measured, by the name under which it is asked for alone."""
    return {
        "pull": lambda: measure.full_pull(folder, 10_000 // tenth),
        "postgres": lambda: measure.into_postgres(folder, 10_000 // tenth),
        "far": lambda: measure.far_away(folder, 10_000 // tenth),
        "quiet": lambda: measure.quiet(folder, 10_000 // tenth),
        "cold": lambda: measure.cold(folder, 10_000 // tenth),
        "plan": lambda: measure.planning(folder, 10_000 // tenth, 1_000 // tenth),
        "flat": lambda: flat(folder, 10_000 // tenth, 1_000 // tenth),
        "memory": lambda: measure.memory(folder, 10_000 // tenth),
        "dlt": lambda: measure.beside_dlt(folder, 10_000 // tenth),
        "linking": lambda: linking.linking(folder, 10_000 // tenth, 1_000 // tenth),
        "match": lambda: linking.matching(folder, 20_000 // tenth),
        "workers": lambda: workers(folder, 2_000 // tenth, 6),
        "help": measure.helping,
        "merge": lambda: measure.merging(2_000 // tenth),
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        words = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
        words.add_argument("--quick", action="store_true", help="a tenth of the records")
        words.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(parts(Path(name), 1))}")
        told = words.parse_args()
        tenth, asked = 10 if told.quick else 1, told.parts
        there = parts(Path(name), tenth)
        unknown = [word for word in asked if word not in there]
        if unknown:
            words.error(f"no such part: {', '.join(unknown)}; there are {', '.join(there)}")
        machine, rows = described(), list[Row]()
        for part in asked or there:
            for row in there[part]():
                rows.append(row)
                print(f"{row.what}: {row.ours or row.beside}", file=sys.stderr, flush=True)
    print(table(rows))
    if asked:
        return
    day = datetime.now(UTC).date().isoformat()
    size = "a tenth of the records (`--quick`)" if tenth > 1 else "all records"
    prose, _, _ = DOCUMENT.read_text().partition(MARK)
    DOCUMENT.write_text(f"{prose}{MARK}\n\nMeasured on {day} with {size}: {machine}.\n\n{table(rows)}\n")


if __name__ == "__main__":
    main()
