"""Documents that lie elsewhere than their title says: found, told, and left where they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec
import sqlalchemy as sa

from keepstep.engine.first_sync import project_is_recent
from keepstep.engine.ports import Ports
from keepstep.engine.world import World
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.store.store import Tx
from mapping.agreement import Agreed
from mapping.categories import categories_in
from mapping.model import TITLE, Kind

SEEN = "documents:seen"
BATCH = 400


def judge_documents(ports: Ports, world: World, won_days: int) -> list[Finding]:
    """Judge the documents that changed since the last time; returns findings that were not open before.

    A title that names one category is taken at its word, where the project has a folder of that category. Projects from
    before the first sync's window are left in peace. Where folders came, went or were renamed, all documents are judged
    anew. Costs three small queries when nothing changed.
    """
    sides = _sides(world, Kind.DOCUMENT)
    if not sides:
        return []
    with ports.store.read() as tx:
        seen = tx.setting(SEEN) or {"log": 0, "folders": 0}
        now = _now(tx, world)
    if now == seen:
        return []
    fresh: list[Finding] = []
    for part in _to_judge(ports, world, sides, seen, now):
        with ports.store.write() as tx:
            there, over = _judge(tx, ports, part, won_days)
            fresh += findings.report(tx, there, ports.now(), ports.new_id)
            findings.close(tx, over, ports.now())
    with ports.store.write() as tx:
        tx.upsert(t.setting, [{"name": SEEN, "value": now}])
    return fresh


def _sides(world: World, kind: Kind) -> list[str]:
    return [side.name for sync in world.syncs.values() if sync.kind is kind for side in sync.sides.values()]


def _now(tx: Tx, world: World) -> dict[str, int]:
    """How far the change log goes, and how many folders are linked: a link leaves no trace in the log."""
    link = t.link.c
    folders = sa.select(sa.func.count()).where(link.side.in_(_sides(world, Kind.FOLDER)), link.state == "live")
    return {"log": tx.scalar(sa.select(sa.func.max(t.change_log.c.n))) or 0, "folders": tx.scalar(folders)}


def _to_judge(
    ports: Ports, world: World, sides: Sequence[str], seen: Mapping[str, int], now: Mapping[str, int]
) -> Iterator[Sequence[Mapping[str, Any]]]:
    """The documents that may have come to lie rightly or wrongly, in batches of at most ``BATCH`` of one side."""
    log, record = t.change_log.c, t.record.c
    between = sa.and_(log.n > seen["log"], log.n <= now["log"])
    with ports.store.read() as tx:
        folders = tx.scalar(sa.select(log.n).where(between, log.side.in_(_sides(world, Kind.FOLDER))).limit(1))
    every = seen["folders"] != now["folders"] or folders is not None
    changed = sa.select(log.id).where(between, log.side == record.side)
    for side in sides:
        last = ""
        while True:
            query = sa.select(t.record).where(record.side == side, record.id > last).order_by(record.id).limit(BATCH)
            with ports.store.read() as tx:
                part = tx.all(query if every else query.where(record.id.in_(changed)))
            if not part:
                break
            yield part
            last = part[-1]["id"]


def _judge(
    tx: Tx, ports: Ports, documents: Iterable[Mapping[str, Any]], won_days: int
) -> tuple[list[Finding], list[str]]:
    """What is misplaced among these, and the keys of what is not."""
    there: list[Finding] = []
    over: list[str] = []
    folders = Folders(tx)
    for record in documents:
        key = f"document_misplaced:{record['side']}:{record['id']}"
        finding = None if record["deleted"] else _misplaced(tx, ports, folders, key, record, won_days)
        if finding is None:
            over.append(key)
        else:
            there.append(finding)
    return there, over


def _misplaced(
    tx: Tx, ports: Ports, folders: Folders, key: str, record: Mapping[str, Any], won_days: int
) -> Finding | None:
    shown = record["shown"]
    title, folder, project = shown.get(TITLE[Kind.DOCUMENT]), shown.get("folder"), shown.get("project")
    named = categories_in(title) if title else set()
    if len(named) != 1 or not folder or not project:
        return None
    connection = record["side"].partition(".")[0]
    place = _linked(tx, f"{connection}.{folder['stream']}", folder["id"])
    home = _linked(tx, f"{connection}.{project['stream']}", project["id"])
    if place is None or home is None or not _current(home, ports, won_days):
        return None
    (wanted,) = named
    lies_in = _agreed(place, "category") if place["kind"] == Kind.FOLDER.value else None
    if lies_in == wanted or (lies_in is None and place["id"] != home["id"]):
        return None
    target = folders.of(connection, home["id"], wanted)
    if target is None:
        return None
    return Finding(
        key=key,
        code="document_misplaced",
        entity=record["entity"],
        params={
            "title": title,
            "url": record["url"] or shown.get("url"),
            "project": _name(home),
            "place": _name(place),
            "folder": _name(target),
            "folder_url": target["url"],
        },
    )


LINKED = sa.select(t.entity, t.record.c.side, t.record.c.shown, t.record.c.url).join(
    t.record, t.record.c.entity == t.entity.c.id
)
"""Entities with a record of theirs: what is agreed on, and what one side shows."""


def _linked(tx: Tx, side: str, id: str) -> dict[str, Any] | None:
    return tx.one(LINKED.where(t.record.c.side == side, t.record.c.id == id))


class Folders:
    """The category folders of all projects, read once they are first asked for."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    def of(self, connection: str, project: str, category: str) -> dict[str, Any] | None:
        """The project's folder for that category, where it has exactly one."""
        found = self._all.get((connection, project, category), [])
        return found[0] if len(found) == 1 else None

    @cached_property
    def _all(self) -> dict[tuple[str, str, str], list[dict[str, Any]]]:
        found = defaultdict(list)
        for row in self._tx.all(LINKED.where(t.entity.c.kind == Kind.FOLDER.value, t.record.c.deleted.is_(False))):
            found[row["side"].partition(".")[0], _agreed(row, "project"), _agreed(row, "category")].append(row)
        return found


def _current(project: Mapping[str, Any], ports: Ports, won_days: int) -> bool:
    agreed = msgspec.convert(project["agreed"], dict[str, Agreed])
    return not project["parked"] and (not project["old"] or project_is_recent(agreed, ports.clock.now(), won_days))


def _agreed(entity: Mapping[str, Any], field: str) -> Any:
    agreed = entity["agreed"].get(field)
    return agreed["value"] if agreed else None


def _name(linked: Mapping[str, Any]) -> Any:
    """What the folder is called where the document lies; what is agreed on may never have been asked for a name."""
    field = TITLE[Kind(linked["kind"])]
    return linked["shown"].get(field) or _agreed(linked, field)
