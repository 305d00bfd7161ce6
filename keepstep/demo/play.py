"""The whole demo in one process: no socket, no file, no waiting. Its outcome is data; saying it is another's task."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from connectors.sandbox.clock import VirtualClock
from keepstep.config import loads
from keepstep.demo.company import STREAMS
from keepstep.demo.configuration import Mode
from keepstep.demo.day import ScriptedDay
from keepstep.demo.events import Event
from keepstep.demo.stage import Stage
from keepstep.hub import Hub
from keepstep.registry import Registry
from keepstep.runtime import Runtime
from keepstep.store import tables as t
from keepstep.store.findings import OPEN

MORNING = {"en": datetime(2026, 11, 2, 7, tzinfo=UTC), "zh-CN": datetime(2026, 11, 2, 1, tzinfo=UTC)}
"""A Monday, at eight or nine o'clock where the company is."""

RECORDS = 120
IN_MEMORY = "sqlite://"


class System(msgspec.Struct, frozen=True, kw_only=True):
    """One system at the end of the day."""

    connection: str
    records: int
    links: int
    written: int
    """Writes that were ours."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The day and how it ended."""

    language: str
    zone: str
    seed: int
    began: str
    records: int
    """There were so many before anything was written."""
    events: list[Event]
    systems: list[System]
    conflicts: dict[str, int]
    handoffs: dict[str, int]
    findings: int
    """Open at the end of the day."""


def prepare(
    language: str = "en",
    seed: int = 1,
    mode: Mode = "write",
    records: int = RECORDS,
    access: Literal["read", "write"] = "write",
) -> tuple[ScriptedDay, Hub]:
    """A stage and a hub over it, on a clock that stands still until it is moved. ``access: read`` holds
    for all four connections. Close the hub when done.
    """
    clock = VirtualClock(MORNING[language])
    stage = Stage(clock, language, seed, records)
    registry = Registry.installed()
    config = loads(stage.configuration(stage.urls(), mode, IN_MEMORY), {}, registry)
    accounts = {name: replace(each, access=access) for name, each in config.connections.items()}
    hub = Hub(replace(config, connections=accounts), registry, Runtime.of(clock, seed), stage.transports())
    return ScriptedDay(stage, hub, clock), hub


def play(language: str = "en", seed: int = 1, records: int = RECORDS) -> Outcome:
    """Run the day. The same language, seed and number of records give the same outcome."""
    day, hub = prepare(language, seed, records=records)
    try:
        before = sum(day.company.size().values())
        began = hub.ports.now()
        tale = day.play()
        with hub.store.read() as tx:
            open_now = tx.all(sa.select(t.finding).where(t.finding.c.state.in_(OPEN)))
            links = tx.all(sa.select(t.link.c.side))
        return Outcome(
            language=language,
            zone=day.cast.zone,
            seed=seed,
            began=began,
            records=before,
            events=tale.events,
            systems=_systems(day, [row["side"] for row in links]),
            conflicts={
                "open": sum(row["code"] == "conflict" for row in open_now),
                "decided": sum(event.code == "demo_decided" for event in tale.events),
            },
            handoffs={
                level: sum(row["code"] == f"handoff_{level}" for row in open_now) for level in ("due", "breached")
            },
            findings=len(open_now),
        )
    finally:
        hub.close()


def _systems(day: ScriptedDay, links: list[Any]) -> list[System]:
    size = day.company.size()
    return [
        System(
            connection=name,
            records=size[name],
            links=sum(side.startswith(f"{name}.") for side in links),
            written=len(core.truth.writes()),
        )
        for name, core in day.stage.cores.items()
        if name in STREAMS
    ]
