"""``keepstep setup``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from connectors.errors import ConnectorError, GateClosed
from connectors.preparing import Addition, Prepares
from keepstep.cli import preparing as shared
from keepstep.cli.preparing import Part
from keepstep.cli.session import FAILED, NEEDS_A_PERSON, WRONG, Session, Trouble, decider
from keepstep.config import Connection
from keepstep.engine.preparing import Preparing, attach, detached
from keepstep.problems import Problem


@click.command(
    help="Show what Keepstep would add to each system, who must grant it and what people there would see; then add it, "
    "if you say yes. Takes a connection that was detached up again."
)
@click.argument("connection", required=False)
@click.option("--plan", "only_plan", is_flag=True, help="Only show it.")
@click.option("--yes", is_flag=True, help="Add it without asking.")
@decider
@click.pass_context
def setup(ctx: click.Context, connection: str | None, only_plan: bool, yes: bool, name: str | None) -> None:
    session: Session = ctx.obj
    done = []
    with session.store() as store, store.read() as tx:
        left = detached(tx)
    for each in shared.chosen(session, connection):
        found = shared.additions(session, each)
        data: dict[str, Any] = {
            "connection": each.name,
            "detached": each.name in left,
            "additions": [shared.as_data(addition) for addition in found],
            "results": [],
        }
        _show(session, each, found, left)
        missing = [addition for addition in found if not addition.present]
        if not only_plan and (each.name in left or any(not addition.manual for addition in missing)):
            _allowed(session, each)
            count = sum(not addition.manual for addition in missing)
            code = "setup_attach_question" if each.name in left else "setup_question"
            if session.agreed(code, yes=yes, connection=each.name, count=count):
                data |= _prepare(session, each, missing, session.person(name))
        data["open"] = _open(data)
        done.append(data)
    if session.output.as_json:
        session.output.document({"connections": done})
    if any(result["result"] == "failed" for each in done for result in each["results"]):
        ctx.exit(FAILED)
    if any(each["open"] for each in done):
        ctx.exit(NEEDS_A_PERSON)


def _allowed(session: Session, connection: Connection) -> None:
    """The configuration lets something be written there. Raises ``Trouble``."""
    shared.writing(session, connection)
    names = shared.syncs_of(session, connection.name)
    if all(session.config().sync(name).mode == "observe" for name in names):
        params = {"connection": connection.name, "file": str(session.config().path)}
        raise Trouble(Problem("setup_observing", params), WRONG)


def _prepare(session: Session, connection: Connection, missing: Sequence[Addition], by: str) -> dict[str, Any]:
    """Make what is missing, then take the connection up again if it was left. What could not be made is told."""
    connector = shared.writing(session, connection)
    parts: list[Part] = []
    with session.store() as store, shared.not_busy(connection.name):
        ports = shared.ports(session, store)
        with Preparing(ports, connection.name, by) as work:
            for addition in missing:
                part = Part(addition.id, "by_hand", addition.steps) if addition.manual else None
                parts.append(part or _add(work, connector, addition))
                _tell(session, addition, parts[-1])
        again = attach(ports, connection.name, shared.syncs_of(session, connection.name), by)
    if again:
        session.output.line("  " + session.say("setup_attached", connection=connection.name))
    return {"results": shared.results(parts), "detached": False}


def _add(work: Preparing, connector: Prepares | None, addition: Addition) -> Part:
    if connector is None:
        return Part(addition.id, "failed")
    try:
        work.add(connector, addition)
    except (ConnectorError, GateClosed) as error:
        return Part(addition.id, "failed", shared.reason(error))
    return Part(addition.id, "done")


def _tell(session: Session, addition: Addition, part: Part) -> None:
    name = shared.called(session, addition)
    if part.result == "done":
        session.output.line("  " + session.say("setup_added", name=name))
    elif part.result == "failed":
        session.output.line("  " + session.say("setup_failed", name=name, grant=addition.grant, reason=part.reason))


def _show(session: Session, connection: Connection, found: Sequence[Addition], left: frozenset[str]) -> None:
    output, say = session.output, session.say
    if found:
        shared.table(session, connection.name, found)
    else:
        output.line(say("setup_nothing", connection=connection.name))
    if connection.name in left:
        output.line("  " + say("is_detached", connection=connection.name))


def _open(data: dict[str, Any]) -> bool:
    """Whether something still has to be added, or the connection is still left."""
    made = {result["id"] for result in data["results"] if result["result"] == "done"}
    return bool(data["detached"] or any(not each["present"] and each["id"] not in made for each in data["additions"]))
