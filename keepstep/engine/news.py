"""Customer changes become tasks: edits of watched fields, read from the audit, are told to the project's manager."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa

from keepstep.config import Config
from keepstep.engine import made
from keepstep.engine.change_text import Edit
from keepstep.engine.changes import ChangeFinding, Decision, OpenTask, change_rule, tasks_for
from keepstep.engine.handoffs import Graph
from keepstep.engine.people import People
from keepstep.engine.ports import Ports
from keepstep.engine.reconfigured import SINCE
from keepstep.engine.snapshot import graph
from keepstep.engine.world import Sync, World
from keepstep.language import say
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.store.store import Tx
from mapping.agreement import Agreed
from mapping.model import Kind

POSITION = "changes_to_tasks:position"
OPEN = "changes_to_tasks:open"


def tasks_from_changes(ports: Ports, world: World, config: Config) -> set[str]:
    """Read the edits since last time and open or amend tasks. Returns the sync that has something to write.

    One transaction: an edit is told once, whatever crashes.
    """
    wanted = config.changes_to_tasks
    sync = _home(world, str(wanted.create_in) if wanted and wanted.create_in else None)
    if wanted is None or sync is None:
        return set()
    with ports.store.write() as tx:
        seen, edits = _edits(tx, world, [str(each) for each in wanted.watch])
        if seen is None:
            return set()
        tx.upsert(t.setting, [{"name": POSITION, "value": seen}])
        if not edits:
            return set()
        facts = graph(tx, People(tx, world.people))
        rows = _open_tasks(tx)
        language, called = config.language, config.model.called(config.language)

        def spoken(code: str, params: Mapping[str, Any]) -> str:
            """A field is called the same whatever it is a field of."""
            name = code.rpartition(".")[2] if code.startswith("field.") else None
            if name in called:
                return called[name]
            return say(f"field.{name}" if name else code, params, language, ZoneInfo(config.timezone))

        decision = tasks_for(
            edits,
            list(rows.values()),
            [change_rule([str(each) for each in wanted.watch])],
            facts,
            ports.clock.now(),
            say=spoken,
            zone=ZoneInfo(config.timezone),
            model=config.model,
        )
        _keep(tx, ports, sync, decision, rows)
        _tell(tx, ports, decision.findings, facts)
    return {sync.name} if decision.opened or decision.appended else set()


def _home(world: World, create_in: str | None) -> Sync | None:
    """The sync of tasks that makes records on the side where such tasks belong."""
    for sync in world.syncs.values():
        if sync.kind is Kind.TASK and sync.create and (create_in is None or create_in in sync.create):
            return sync
    return None


def _edits(tx: Tx, world: World, watch: list[str]) -> tuple[int | None, list[Edit]]:
    """Edits of watched sides that were taken in since the last look, and the place up to which was read."""
    position = tx.setting(POSITION)
    sides = sorted({pattern.rpartition(".")[0] for pattern in watch})
    newest = tx.scalar(sa.select(sa.func.max(t.audit.c.n)))
    if newest is None or newest == position:
        return None, []
    if position is None:
        return int(newest), []  # what was there before the first look is no news
    rows = tx.all(
        sa.select(t.audit)
        .where(t.audit.c.n > position, t.audit.c.code == "agreed", t.audit.c.side.in_(sides))
        .order_by(t.audit.c.n)
    )
    people = People(tx, world.people)
    return int(newest), [_edit(tx, world, people, row) for row in rows]


def _edit(tx: Tx, world: World, people: People, row: dict[str, Any]) -> Edit:
    connection = row["side"].partition(".")[0]
    own = (t.link.c.entity == row["entity"], t.link.c.side == row["side"])
    link = tx.one(sa.select(t.link.c.record, t.link.c.linked_at).where(*own))
    record = None
    if link is not None:
        record = tx.one(sa.select(t.record).where(t.record.c.side == row["side"], t.record.c.id == link["record"]))
    author = record["modified_by"] if record else None
    side = world.side(row["side"])
    mode = side.mapper.mode(Kind(record["kind"]), row["field"]) if side and record else "both"
    return Edit(
        id=f"audit:{row['n']}",
        entity=row["entity"],
        side=row["side"],
        field=row["field"],
        old=row["params"]["from"],
        new=row["params"]["to"],
        at=(record["modified_at"] if record else None) or row["at"],
        who=people.author(connection, author) if author else None,
        by_person=True,
        first=row["params"]["n"] == 0 and not _filled(tx, row, link, record),
        editable=mode == "both",
    )


def _filled(tx: Tx, row: Mapping[str, Any], link: Mapping[str, Any] | None, record: Mapping[str, Any] | None) -> bool:
    """Whether a first value was put where there was none, by somebody who edited a record that was known by then.

    The record's own time alone would not do, as its service's clock may run ahead: something of the entity must have
    been agreed on before.
    """
    if link is None or record is None or record["modified_at"] is None:
        return False
    sync = sa.select(t.entity.c.sync).where(t.entity.c.id == row["entity"])
    compared = tx.setting(f"{SINCE}{tx.scalar(sync)}")
    if record["modified_at"] <= max(link["linked_at"], compared or ""):
        return False
    line = t.audit.c
    before = sa.select(line.n).where(line.entity == row["entity"], line.code == "agreed", line.at < row["at"])
    return tx.one(before.limit(1)) is not None


def _open_tasks(tx: Tx) -> dict[str, OpenTask]:
    """The tasks made here that nobody has closed: their status is not done, and they still live somewhere."""
    kept = tx.setting(OPEN) or {}
    found = {}
    for id, each in kept.items():
        row = tx.one(sa.select(t.entity.c.agreed).where(t.entity.c.id == id))
        if row is None:
            continue
        agreed = msgspec.convert(row["agreed"], dict[str, Agreed])
        status = agreed["status"].value if "status" in agreed else None
        links = tx.all(sa.select(t.link.c.state).where(t.link.c.entity == id))
        if status in ("done", "cancelled") or (links and not any(link["state"] == "live" for link in links)):
            continue
        description = agreed["description"].value if "description" in agreed else ""
        task = msgspec.convert({**each, "id": id, "description": description or ""}, OpenTask)
        if task.written is not None and task.written != task.description:
            task = msgspec.structs.replace(task, written=None)
        found[id] = task
    return found


def _keep(tx: Tx, ports: Ports, sync: Sync, decision: Decision, open_tasks: dict[str, OpenTask]) -> None:
    kept = {id: _row(task.rule, task.subject, task.edits, task.written) for id, task in open_tasks.items()}
    for new in decision.opened:
        made.begin(tx, ports, sync, new.key, new.values)
        kept[new.key] = _row(new.rule, new.subject, new.edits, new.written)
    for more in decision.appended:
        made.amend(tx, ports, sync, more.task, more.values)
        before = open_tasks[more.task]
        kept[more.task] = _row(before.rule, before.subject, more.edits, more.written)
    tx.upsert(t.setting, [{"name": OPEN, "value": kept}])


def _row(rule: str, subject: str, edits: tuple[Edit, ...], written: str | None) -> dict[str, Any]:
    return {"rule": rule, "subject": subject, "edits": msgspec.to_builtins(edits), "written": written}


def _tell(tx: Tx, ports: Ports, found: tuple[ChangeFinding, ...], facts: Graph) -> None:
    findings.report(
        tx,
        [
            Finding(
                key=f"change:{each.key}",
                code=each.note.code.replace(".", "_"),
                entity=each.subject,
                params={"entity": _title(facts, each.subject), **_named(facts, each.note.params)},
            )
            for each in found
        ],
        ports.now(),
        ports.new_id,
    )


def _title(facts: Graph, id: str) -> str:
    entity = facts.get(id)
    return entity.title if entity else id


def _named(facts: Graph, params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of a note for people: projects by their titles."""
    named = dict(params)
    if "projects" in named:
        named["projects"] = [_title(facts, id) for id in named["projects"]]
    return named
