"""Memory that does not follow the number of linked records: the commands that go through a sync, each in a process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from benchmarks import children
from benchmarks.hubs import hub, said
from benchmarks.linked import edit, pairs
from benchmarks.measure import Row
from benchmarks.stub import running

SIDES = ("tracker", "mirror")
COMMANDS = ("sync", "match", "verify", "plan")
LIMIT = 1.1


def flat(folder: Path, few: int, changed: int) -> Iterator[Row]:
    """`sync`, `match`, `plan` and `verify` over few pairs of linked records and over a hundred times as many.

    All are in step but for what is planned. `verify` reads every record from the service: it takes twenty minutes.
    """
    peaks: dict[tuple[str, int], float] = {}
    with running(20) as base:
        for count in (few, few * 100):
            path, config = folder / f"flat{count}.db", folder / f"flat{count}.yaml"
            config.write_text(json.dumps(said(base, path, SIDES)))
            one = hub(base, path, SIDES)
            for _ in range(2):
                one.round()
            pairs(one, count)
            for command in COMMANDS:
                if command == "plan":
                    edit(one, changed, count, "Title of ")
                peaks[command, count] = children.run(command, base, config)["kib"] / 1024
            one.close()
            path.unlink()
    for command in COMMANDS:
        large, small = peaks[command, few * 100], peaks[command, few]
        what = f"`keepstep {command}`, {few * 100} pairs of linked records, beside {few}: peak memory"
        yield Row(what, f"{large:.0f} MiB", f"{small:.0f} MiB", large / small, LIMIT)
