"""One worker process: ``python -m tests.processes.worker CONFIG CLOCK``, then a command a line, an answer a line."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from keepstep import logs
from keepstep.config import load
from keepstep.engine import guard
from keepstep.hub import Hub
from keepstep.redaction import Redaction
from keepstep.registry import Registry
from keepstep.runtime import Ids, Runtime
from pipelines import rounds
from tests.processes.clock import SharedClock


class DeadlyFence:
    """At the point that was named, this process ends as with ``kill -9``."""

    deadly: str | None = None

    def point(self, name: str) -> None:
        if name == self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)


def tick(hub: Hub, scheduled: str) -> dict[str, Any]:
    """The scheduled round, as a flow runs it."""
    names = rounds.due(hub, None, datetime.fromisoformat(scheduled))
    if not names:
        return {"ours": []}
    done = rounds.tick(hub, names)
    return {
        "ours": names,
        "busy": sorted({report.sync for report in (*done.taken, *done.reports) if report.busy}),
        "written": done.written,
        "holds": sorted({hold.reason for report in done.reports for hold in report.holds}),
        "failed": done.failed,
        "recovered": sum(report.recovered.done for report in done.reports),
    }


def main() -> None:
    clock, rng = SharedClock(Path(sys.argv[2])), random.SystemRandom()
    registry = Registry.installed()
    logs.configure(Redaction())
    runtime = Runtime(clock, rng, Ids(clock, rng))
    fence = DeadlyFence()
    hub = Hub(load(Path(sys.argv[1]), {}, registry), registry, runtime, fence=fence)
    print(json.dumps({"holder": hub.ports.holder}), flush=True)
    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
        answer: dict[str, Any] = {}
        if word == "tick":
            answer = tick(hub, rest)
        elif word == "die-at":
            fence.deadly = rest
        elif word == "approve":
            with hub.store.write() as tx:
                answer = {"through": guard.let_through(tx, hub.ports, rest, "Ada")}
        print(json.dumps(answer), flush=True)
    hub.close()


if __name__ == "__main__":
    main()
