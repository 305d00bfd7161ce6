"""What is measured in a process of its own: loops, plans, peak memory. ``python -m benchmarks.children WHAT ...``."""

from __future__ import annotations

import compileall
import json
import os
import resource
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

from benchmarks.environment import ENVIRON

COMMANDS = ("sync", "match", "plan", "verify")
SOURCES = ("benchmarks", "connectors", "keepstep", "mapping")
FIXED = (
    "import click, msgspec, requests, ruamel.yaml, sqlalchemy, tenacity; "
    "from pydantic import BaseModel, SecretStr, ValidationError"
)
"""The packages that are chosen for the project, as far as a round needs them in which nothing changed."""


@cache
def compiled() -> dict[str, str]:
    """Compile our sources, as an installer does, so that no process has to; the environment for such processes."""
    root = Path(__file__).parents[1]
    for name in SOURCES:
        compileall.compile_dir(root / name, quiet=1)
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | ENVIRON


def run(what: str, base: str, path: Path, *more: str) -> dict[str, int]:
    """What the process told of itself as it ended."""
    command = [sys.executable, "-m", "benchmarks.children", what, base, str(path), *more]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=compiled())  # noqa: S603
    told: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return told


def peak() -> int:
    """Peak resident memory of this process in KiB. The kernel's usage record would count the parent's from before."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def command(name: str, config: Path) -> None:
    """A command as people run it, over that configuration. Raises RuntimeError unless it did what was asked."""
    from keepstep.cli import main

    ended = main.main([name, "--config", str(config)], standalone_mode=False)
    if ended not in (None, 0, 3):  # done, or done and somebody is asked something
        raise RuntimeError(f"{name} ended with {ended}")


def _match(path: Path) -> dict[str, int]:
    """Match and take in what the store holds; the systems themselves have nothing to say to it."""
    from benchmarks.crowd import Crowd

    crowd = Crowd(path, "projects")
    crowd.clock.advance(600)
    (sync,) = crowd.hub.syncs()
    begun = time.perf_counter()
    matched = crowd.hub.engine.take_in(sync).matched
    passed = time.perf_counter() - begun
    crowd.hub.close()
    return {"linked": matched.links, "milliseconds": round(passed * 1000)}


def main() -> None:
    what, base, path = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    told: dict[str, int] = {}
    if what == "bare":
        from benchmarks.loops import bare

        told["issues"] = bare(base, path, ("tracker", "mirror"), jql=sys.argv[4])
    elif what in COMMANDS:
        command(what, path)
    elif what == "matching":
        told |= _match(path)
    else:
        from keepstep.loading import loading

        with loading():  # as the command line does
            from benchmarks.hubs import hub
        one = hub(base, path, ("tracker",) if what == "pull" else ("tracker", "mirror"))
        if what == "planned":
            told["operations"] = len(one.plan("tasks").operations)
        else:
            told["issues"] = sum(each.changed for each in one.observe())
        one.close()
    told["kib"] = peak()
    print(json.dumps(told))


if __name__ == "__main__":
    main()
