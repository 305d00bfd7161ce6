"""Folders follow categories: every project that has its folder gets one for each category, made once, never renamed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from connectors.base import chunks
from keepstep.engine import made, moved
from keepstep.engine.first_sync import project_is_recent
from keepstep.engine.ports import Ports
from keepstep.engine.state import load
from keepstep.engine.world import Sync, World
from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.model import Kind

FOLDERS = "category_folders"

NAMES = {
    "en": {"plan": "Plan", "requirements": "Requirements", "design": "Design", "test": "Test", "report": "Report"},
    "zh-CN": {
        "plan": "项目计划",
        "requirements": "需求文档",
        "design": "设计文档",
        "test": "测试文档",
        "report": "项目报告",
    },
}


def category_folders(
    ports: Ports, world: World, categories: Sequence[str], language: str, won_days: int = 90
) -> set[str]:
    """Begin the folders that are missing; returns the syncs that have them to make. Safe to repeat.

    All projects are gone through, unless nothing moved since the last time.

    Projects from before the first sync's window keep what they have.
    """
    sync = next((each for each in world.syncs.values() if each.kind is Kind.FOLDER and each.create), None)
    if sync is None:
        return set()
    about = repr((sync.name, sorted(sync.create), list(categories), language, won_days))
    with ports.store.read() as tx:
        if moved.at_rest(tx, ports, FOLDERS, about):
            return set()
        place = moved.place(tx)
        there = _folders(tx, world, sync)
        ids = [
            project
            for project in _projects_with_folder(tx, world, sync)
            if any((project, category) not in there for category in categories)
        ]
    names = NAMES.get(language, NAMES["en"])
    begun = False
    for part in chunks(ids, 200):
        with ports.store.write() as tx:
            for project in load(tx, part).values():
                if project.parked or project.value("archived"):
                    continue
                if project.old and not project_is_recent(project.agreed, ports.clock.now(), won_days):
                    continue
                for category in categories:
                    if (project.id, category) in there:
                        continue
                    values = {"name": names[category], "project": project.id, "category": category}
                    begun |= made.begin(tx, ports, sync, f"{project.id}-{category}", values)
    with ports.store.write() as tx:
        moved.gone_through(tx, ports, FOLDERS, about, place)
    return {sync.name} if begun else set()


_NEXT = sa.select(sa.func.min(t.entity.c.sync)).where(t.entity.c.sync > sa.bindparam("last"))
_FOLLOWING = sa.select(*(_NEXT.where(t.entity.c.owing.is_(owing)).scalar_subquery() for owing in (False, True)))


def _syncs_of(tx: Tx, world: World, kind: Kind) -> list[str]:
    """The syncs, also former ones, whose entities may be of that kind; found without a look at all entities."""
    found: list[str] = []
    last = ""
    while True:
        following = tx.connection.execute(_FOLLOWING, {"last": last}).one()
        last = min((name for name in following if name is not None), default="")
        if not last:
            return found
        if last not in world.syncs or world.syncs[last].kind is kind:
            found.append(last)


def _of_kind(tx: Tx, world: World, kind: Kind) -> sa.ColumnElement[bool]:
    """Entities of that kind, by the index: it begins with what is owing."""
    entity = t.entity.c
    return sa.and_(
        entity.owing.in_([False, True]), entity.sync.in_(_syncs_of(tx, world, kind)), entity.kind == kind.value
    )


def _projects_with_folder(tx: Tx, world: World, sync: Sync) -> list[str]:
    connections = {side.connection.name for side in sync.sides.values() if side.name in sync.create}
    query = (
        sa.select(t.link.c.entity, t.link.c.side)
        .join(t.entity, t.entity.c.id == t.link.c.entity)
        .where(_of_kind(tx, world, Kind.PROJECT), t.link.c.state == "live")
    )
    return sorted({row["entity"] for row in tx.all(query) if row["side"].partition(".")[0] in connections})


def _folders(tx: Tx, world: World, sync: Sync) -> set[tuple[str, str]]:
    rows = tx.all(sa.select(t.entity.c.agreed).where(_of_kind(tx, world, sync.kind)))
    found = set()
    for row in rows:
        agreed = row["agreed"]
        if "project" in agreed and "category" in agreed:
            found.add((_value(agreed["project"]), _value(agreed["category"])))
    return found


def _value(agreed: Any) -> Any:
    return agreed["value"]
