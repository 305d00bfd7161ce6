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
LIMIT = 1.1


def flat(folder: Path, few: int, changed: int) -> Iterator[Row]:
    """`keepstep sync`, `match` and `plan` over few pairs of linked records and over a hundred times as many; `verify`,
    which reads every record from the service, over ten times as many. All are in step but for what is planned."""
    peaks: dict[tuple[str, int], float] = {}
    with running(20) as base:
        for count in (few, few * 10, few * 100):
            path, config = folder / f"flat{count}.db", folder / f"flat{count}.yaml"
            config.write_text(json.dumps(said(base, path, SIDES)))
            one = hub(base, path, SIDES)
            for _ in range(2):
                one.round()
            pairs(one, count)
            for command in ("sync", "match", "verify"):
                if (command == "verify") == (count == few * 10) or count == few:
                    peaks[command, count] = children.run(command, base, config)["kib"] / 1024
            if count != few * 10:
                edit(one, changed, count, "Title of ")
                peaks["plan", count] = children.run("plan", base, config)["kib"] / 1024
            one.close()
            path.unlink()
    for command, many in (("sync", few * 100), ("match", few * 100), ("plan", few * 100), ("verify", few * 10)):
        large, small = peaks[command, many], peaks[command, few]
        what = f"`keepstep {command}`, {many} pairs of linked records, beside {few}: peak memory"
        yield Row(what, f"{large:.0f} MiB", f"{small:.0f} MiB", large / small, LIMIT)
