"""``keepstep apply``."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa

from connectors.errors import ConnectorError
from keepstep.cli import planfile, planned, told
from keepstep.cli.looking import failed_feeds, looked, unreachable
from keepstep.cli.output import cell
from keepstep.cli.session import FAILED, NEEDS_A_PERSON, WRONG, Session, Trouble, decider
from keepstep.cli.sync import show, summed
from keepstep.config import Config
from keepstep.engine import guard
from keepstep.engine.operations import Operation, Wanted, anything, only
from keepstep.engine.round import Report
from keepstep.engine.state import EntityState, load
from keepstep.engine.world import Sync
from keepstep.hub import Hub
from keepstep.problems import Problem
from keepstep.store import tables as t
from keepstep.store.store import Tx


@click.command(
    help="Carry out what is owed now, or exactly what a plan file says. A held plan asks for a person's word. "
    "Writes also in `mode: propose`, never in `mode: observe`."
)
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--sync", "wanted", multiple=True, help="Only this sync; may be repeated.")
@click.option("--limit", type=click.IntRange(min=1), help="Write no more than so many records.")
@click.option("--yes", is_flag=True, help="Let a held plan through without asking.")
@decider
@click.pass_context
def apply(
    ctx: click.Context, file: Path | None, wanted: tuple[str, ...], limit: int | None, yes: bool, name: str | None
) -> None:
    session: Session = ctx.obj
    output = session.output
    plan = planfile.read(file) if file is not None else None
    with session.hub() as hub:
        if plan is not None and file is not None:
            planfile.admit(hub, plan, file)
        names = session.syncs(wanted or (list(plan.fingerprints) if plan else []))
        names = writable(session, hub.config, names, named=bool(wanted or plan))
        if plan is not None:
            there, lost = hub.syncs(names), unreachable(session, hub, names)
            running = [each for each in there if reread(session, hub, each, _entities(plan, each.name))]
            unread = [each.name for each in there if each not in running]
        else:
            running, lost = looked(session, hub, names)
            unread = failed_feeds(session, hub, running)
            for each in running:
                hub.engine.take_in(each)
        done: list[dict[str, Any]] = []
        for each in running:
            if plan is None:
                hub.follow_up()  # folders for what was just made, tasks from what was just taken in
            left = max(limit - sum(map(_written, done)), 0) if limit is not None else None
            carrying = Carrying(session, hub, each, yes=yes, name=name, limit=left, file=file)
            done.append(carrying.from_file(plan.operations.get(each.name, [])) if plan else carrying.now())
        hub.judge()
        asked = questions(session, hub, [each.name for each in running])
    asking = told.asking(asked)
    if output.as_json:
        output.document({"syncs": done, "findings": asked, "asking": asking, "unreachable": lost, "unread": unread})
    elif asking:
        output.line(session.say("findings_asking", count=asking))
    if lost or unread:
        ctx.exit(FAILED)
    if any(unfinished(each) for each in done) or asking:
        ctx.exit(NEEDS_A_PERSON)


def _entities(plan: planfile.PlanFile, sync: str) -> set[str]:
    return {operation.entity for operation in plan.operations.get(sync, ())}


def _written(each: Mapping[str, Any]) -> int:
    """How many records a sync wrote, or tried to."""
    return sum(each[count] for count in ("done", "refused", "unknown"))


def reread(session: Session, hub: Hub, sync: Sync, entities: Collection[str]) -> bool:
    """Read the records of these entities anew, and no others. False, and said, if it could not be done."""
    try:
        with session.output.progress(session.say("looking")):
            if hub.engine.reread(sync, entities):
                return True
    except ConnectorError as error:
        session.output.warn(session.say("feed_failed", feed=sync.name, reason=str(error)))
        return False
    session.output.warn(session.say("sync_line", sync=sync.name, text=session.say("sync_busy")))
    return False


def questions(session: Session, hub: Hub, names: Sequence[str]) -> list[dict[str, Any]]:
    """Open findings of these very syncs, whether or not what was carried out has to do with them."""
    with hub.store.read() as tx:
        rows = told.stored(tx, syncs=names)
    return [told.as_data(session, row) for row in rows if row["sync"] in names]


def writable(session: Session, config: Config, names: Sequence[str], *, named: bool) -> list[str]:
    """The syncs that may write at all. Raises ``Trouble`` if one that was named may not, or if none may."""
    observing = [name for name in names if config.sync(name).mode == "observe"]
    if observing and (named or len(observing) == len(names)):
        raise Trouble(Problem("only_observing", {"sync": observing[0], "file": str(config.path)}), WRONG)
    for name in observing:
        session.output.warn(session.say("only_observing", sync=name, file=str(config.path)))
    return [name for name in names if name not in observing]


def unfinished(each: dict[str, Any]) -> bool:
    """Whether anything of what a sync was to carry out is left."""
    troubled = any(operation["result"] not in ("done", "before") for operation in each.get("operations", ()))
    return bool(troubled or each["holds"] or each["refused"] or each["unknown"] or each["busy"] or each["waiting"])


class Carrying:
    """Carries out one sync's plan."""

    def __init__(
        self,
        session: Session,
        hub: Hub,
        sync: Sync,
        *,
        yes: bool,
        name: str | None,
        limit: int | None,
        file: Path | None = None,
    ) -> None:
        self._session = session
        self._hub = hub
        self._sync = sync
        self._yes = yes
        self._name = name
        self._limit = limit
        self._file = file

    def now(self) -> dict[str, Any]:
        """What is owed now, after showing it."""
        plan = self._hub.plan(self._sync.name)
        allowed = planned.writing(plan)[: self._limit]
        if not self._session.output.as_json:
            planned.show(self._session, planned.as_data(self._session, self._hub, self._sync, plan, allowed))
        if self._limit == 0:
            return self._nothing()
        done, _ = self._run(anything if self._limit is None else only(allowed))
        return done

    def from_file(self, operations: Sequence[Operation]) -> dict[str, Any]:
        """The file's operations that are still owed exactly as written; the others are told and left alone."""
        with self._hub.store.read() as tx:
            states = load(tx, [operation.entity for operation in operations])
        before = [each for each in operations if carried_already(states.get(each.entity), each)]
        left = [each for each in operations if each not in before]
        done = self.exactly(left[: self._limit], before)
        left_out = len(left) - len(left[: self._limit])
        if left_out:
            self._session.output.line("  " + self._session.say("plan_left_out", count=left_out))
        return done

    def exactly(
        self, operations: Sequence[Operation], before: Sequence[Operation] = (), run: str | None = None
    ) -> dict[str, Any]:
        """Those operations as they are written there, as far as they are owed; ``before`` was carried out already.

        ``run``: the id of the run that writes, if it has one.
        """
        if not operations:
            done, results, waits = self._nothing(), {}, []
        else:
            done, report = self._run(only(operations), run)
            waits = report.held
            with self._hub.store.read() as tx:
                results = _results(tx, report.run)
        done["operations"] = []
        for each in [*before, *operations]:
            result = "before" if each in before else results.get((each.kind, each.entity, each.side))
            if result is None:
                result = "held" if done["holds"] else "waits" if each.side in waits else "moved"
            told_operation = {"kind": each.kind, "side": each.side, "entity": each.entity, "title": each.title}
            done["operations"].append(told_operation | {"result": result})
            if result != "done":
                text = self._session.say("result_line", title=each.title, side=each.side, result=result)
                self._session.output.line("  " + cell(text))
        return done

    def _nothing(self) -> dict[str, Any]:
        """Nothing is to be carried out: then nothing that is held is let through either."""
        return summed(self._session, self._sync.name, []) | {"let_through": None}

    def _run(self, wanted: Wanted, run: str | None = None) -> tuple[dict[str, Any], Report]:
        session, hub, name = self._session, self._hub, self._sync.name
        report = hub.run(name, "propose", wanted=wanted)
        passed: dict[str, Any] | None = None
        if report.holds and not report.busy:
            passed = self._let_through(report.holds)
        if not report.busy and (passed or not report.holds):
            report = hub.run(name, "write", wanted=wanted, run=run)
        done = summed(session, name, [report]) | {"let_through": passed}
        if not session.output.as_json:
            show(session, done, self._file)
        with hub.store.read() as tx:
            waiting = told.stored(tx, code="budget_held", syncs=[name]) if report.held else []
        for row in waiting:
            session.output.warn(told.words(session, row["code"], row["params"]))
        return done, report

    def _let_through(self, holds: Sequence[guard.Hold]) -> dict[str, Any] | None:
        """Ask the person who sits here, unless the command said so already. None: it stays held."""
        session, hub, name = self._session, self._hub, self._sync.name
        if not self._yes:
            if session.output.as_json:
                return None
            for hold in holds:
                session.output.line("  " + told.hold_words(session, name, hold.reason, hold.params))
            try:
                if not click.confirm(session.say("let_through_question", sync=name), default=False):
                    return None
            except click.Abort:
                session.output.line("")
                return None
        by = session.person(self._name)
        with hub.store.write() as tx:
            return {"by": by, "reasons": guard.let_through(tx, hub.ports, name, by)}


def carried_already(state: EntityState | None, operation: Operation) -> bool:
    """Whether the side shows already what the operation was to bring."""
    link = state.links.get(operation.side) if state is not None else None
    if link is None:
        return False
    if operation.kind == "create":
        return True
    if operation.kind != "update":
        return link.state != "live"
    shown = {name: link.fields[name].shows for name in operation.fields if name in link.fields}
    return all(shown.get(name, -1) >= planned.n for name, planned in operation.fields.items())


def _results(tx: Tx, run: str) -> dict[tuple[str, str, str], str]:
    """What became of each write of a run."""
    rows = tx.all(sa.select(t.intent).where(t.intent.c.run == run).order_by(t.intent.c.written_at))
    known = ("done", "refused", "unknown")
    return {
        (row["kind"], row["entity"], row["side"]): row["state"] if row["state"] in known else "moved" for row in rows
    }
