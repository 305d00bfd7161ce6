"""``keepstep undo``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from keepstep.cli import address, planned
from keepstep.cli.apply import Carrying, reread, unfinished, writable
from keepstep.cli.looking import unreachable
from keepstep.cli.output import cell
from keepstep.cli.session import FAILED, NEEDS_A_PERSON, WRONG, Session, Trouble, decider
from keepstep.cli.values import Reading
from keepstep.config import parent_of
from keepstep.engine.operations import Operation
from keepstep.engine.taken_back import Undone
from keepstep.engine.undo import Undoing, sync_of
from keepstep.engine.world import Sync
from keepstep.hub import Hub
from keepstep.problems import Problem

CHANGES = ("agreed", "here", "archive", "decline", "again")
"""What an undoing may do; all else leaves things as they are."""


@click.command(
    help="Take back what one run wrote: values go back, records that it made are archived where that can be done and "
    "never deleted. What was changed since is left and listed. An undoing is a run, and can be undone in turn."
)
@click.argument("run")
@click.option("--plan", "only_plan", is_flag=True, help="Show what would be written, and write nothing.")
@click.option("--only", "named", metavar="ENTITY", help="Only what was written for this one.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@decider
@click.pass_context
def undo(ctx: click.Context, run: str, only_plan: bool, named: str | None, yes: bool, name: str | None) -> None:
    session: Session = ctx.obj
    output = session.output
    with session.hub() as hub:
        sync = _sync(ctx, session, hub, run)
        if not only_plan:
            writable(session, hub.config, [sync.name], named=True)
        undoing = hub.engine.undoing(sync, run, _entities(session, hub, named))
        if not reread(session, hub, sync, undoing.entities):
            ctx.exit(FAILED)
        data, operations = _planned(session, hub, sync, undoing, run)
        _show(session, data)
        changes = any(each["how"] in CHANGES for each in data["writes"])
        if changes and not only_plan and _agreed(session, yes):
            data |= _carry_out(session, hub, sync, undoing, operations, yes=yes, name=name)
    if output.as_json:
        output.document(data)
    if data["left"] or data["apart"] or (data["run"] is None and changes and not only_plan):
        ctx.exit(NEEDS_A_PERSON)
    if data["done"] and unfinished(data["done"]):
        ctx.exit(NEEDS_A_PERSON)


def _sync(ctx: click.Context, session: Session, hub: Hub, run: str) -> Sync:
    with hub.store.read() as tx:
        name = sync_of(tx, run)
    if name is None or parent_of(name) not in hub.config.syncs:
        raise Trouble(Problem("no_such_run", {"run": run}), WRONG)
    if unreachable(session, hub, [name]):
        ctx.exit(FAILED)
    return hub.engine.world.syncs[name]


def _entities(session: Session, hub: Hub, named: str | None) -> list[str] | None:
    if named is None:
        return None
    with hub.store.read() as tx:
        return [address.entity(tx, session, named).id]


def _planned(
    session: Session, hub: Hub, sync: Sync, undoing: Undoing, run: str
) -> tuple[dict[str, Any], list[Operation]]:
    with undoing.rehearsed() as (tx, done, operations):
        reading = Reading(tx, session)
        operations = [each for each in operations if each.kind != "update" or each.fields]
        writes = [_as_data(reading, sync, each) for each in done]
        data = {
            "undo": run,
            "name": sync.name,
            "mode": sync.mode,
            "operations": planned.described(tx, reading, sync, operations, "undone"),
            "writes": writes,
            "left": [each for each, told in zip(writes, done, strict=True) if told.left],
            "apart": [each for each in writes if each["how"] == "decline"],
            "run": None,
            "done": None,
        }
    return data, operations


def _as_data(reading: Reading, sync: Sync, each: Undone) -> dict[str, Any]:
    names = ("entity", "title", "side", "record", "field", "how", "since", "by")
    value = reading.value(sync.kind, each.field, each.value) if each.field else None
    return {name: getattr(each, name) for name in names} | {"value": value}


def _agreed(session: Session, yes: bool) -> bool:
    if session.output.as_json and not yes:
        session.output.warn(session.say("undo_not_asked"))
    return session.agreed("undo_question", yes=yes)


def _carry_out(
    session: Session,
    hub: Hub,
    sync: Sync,
    undoing: Undoing,
    operations: Sequence[Operation],
    *,
    yes: bool,
    name: str | None,
) -> dict[str, Any]:
    fresh = undoing.decide(session.person(name))
    if fresh is None:
        session.output.warn(session.say("sync_line", sync=sync.name, text=session.say("sync_busy")))
        return {}
    carrying = Carrying(session, hub, sync, yes=yes, name=name, limit=None)
    done = carrying.exactly(operations, run=fresh)
    held = done["holds"] and not done["let_through"]
    session.output.line(session.say("undo_held" if held else "undo_done", run=fresh, sync=sync.name, who=session.who))
    return {"run": fresh, "done": done}


def _show(session: Session, data: Mapping[str, Any]) -> None:
    output, say = session.output, session.say
    output.line(say("undo_head", run=data["undo"], sync=data["name"]))
    planned.show_operations(session, data["operations"])
    before = sum(each["how"] == "before" for each in data["writes"])
    if before:
        output.line("  " + say("undo_before", count=before))
    for code, rows in (("undo_apart", data["apart"]), ("undo_left", data["left"])):
        if rows:
            output.line("  " + say(code, count=len(rows)))
        for each in rows:
            _show_line(session, each)


def _show_line(session: Session, each: Mapping[str, Any]) -> None:
    say = session.say
    text = [say("undo_field" if each["field"] else "undo_line", **each)]
    if each["since"]:
        text.append(say("verify_since", at=each["since"]))
    if each["by"]:
        text.append(say("undo_by", side=each["by"]))
    session.output.line("    " + cell(session.listed(text)))
