"""``keepstep detach``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click
import msgspec

from connectors.errors import ConnectorError, GateClosed
from connectors.preparing import Addition, Prepares
from keepstep.cli import preparing as shared
from keepstep.cli.output import cell
from keepstep.cli.preparing import Part
from keepstep.cli.session import FAILED, NEEDS_A_PERSON, Session, Trouble, decider, talking_to
from keepstep.config import Connection
from keepstep.engine.preparing import Preparing, Unsettled, detached
from keepstep.engine.preparing import detach as leave
from keepstep.engine.unmarking import Unmarked, marked, unmark
from keepstep.problems import Problem


@click.command(
    help="Take away what Keepstep added to a system: its markers on records and its additions. People's data stay as "
    "they are, and nothing more is written there until `keepstep setup`."
)
@click.argument("connection", required=False)
@click.option("--plan", "only_plan", is_flag=True, help="Only show what would be taken away.")
@click.option("--yes", is_flag=True, help="Do it without asking.")
@decider
@click.pass_context
def detach(ctx: click.Context, connection: str | None, only_plan: bool, yes: bool, name: str | None) -> None:
    session: Session = ctx.obj
    done = []
    for each in shared.chosen(session, connection):
        with session.store() as store, store.read() as tx:
            counts, left = marked(tx, each.name), each.name in detached(tx)
        found = [addition for addition in shared.additions(session, each) if addition.present]
        data: dict[str, Any] = {
            "connection": each.name,
            "detached": left,
            "markers": counts,
            "additions": [shared.as_data(addition) for addition in found],
            "unmarked": {"done": 0, "gone": 0, "left": []},
            "results": [],
        }
        _show(session, each, counts, found)
        if not only_plan:
            shared.writing(session, each)
            if session.agreed("detach_question", yes=yes, connection=each.name):
                data |= _detach(session, each, found, session.person(name))
        done.append(data)
    if session.output.as_json:
        session.output.document({"connections": done})
    if not only_plan and any(_open(each) for each in done):
        ctx.exit(NEEDS_A_PERSON)


def _open(data: Mapping[str, Any]) -> bool:
    return bool(
        not data["detached"] or data["unmarked"]["left"] or any(each["result"] != "done" for each in data["results"])
    )


def _detach(session: Session, connection: Connection, found: Sequence[Addition], by: str) -> dict[str, Any]:
    """Stop writing first, then take off the markers, then the additions that held them."""
    connector = shared.writing(session, connection)
    unmarked, parts = Unmarked(left=[]), []
    with session.store() as store, shared.not_busy(connection.name), _settled(connection.name):
        ports = shared.ports(session, store)
        with Preparing(ports, connection.name, by) as work:
            leave(ports, connection.name, shared.syncs_of(session, connection.name), by)
            session.output.line("  " + session.say("detached", connection=connection.name))
            if connector is not None:
                with talking_to(connection.name):
                    unmarked = _unmark(session, work, connector)
                parts = [_remove(session, work, connector, addition) for addition in reversed(found)]
    return {"detached": True, "unmarked": msgspec.to_builtins(unmarked), "results": shared.results(parts)}


@contextmanager
def _settled(connection: str) -> Iterator[None]:
    try:
        yield
    except Unsettled as error:
        raise Trouble(Problem("detach_unsettled", {"connection": connection, "count": error.count}), FAILED) from None


def _unmark(session: Session, work: Preparing, connector: Prepares) -> Unmarked:
    whole = Unmarked(left=[])
    with work.ports.store.read() as tx:
        sides = list(marked(tx, work.connection))
    for side in sides:
        with session.output.progress(side):
            one = unmark(work, connector, side)
        whole = Unmarked(done=whole.done + one.done, gone=whole.gone + one.gone, left=whole.left + one.left)
    session.output.line("  " + session.say("detach_unmarked", count=whole.done))
    for each in whole.left:
        text = session.say("detach_left", side=each.side, record=each.url or each.id, reason=each.reason or each.status)
        session.output.line("  " + cell(text))
    if whole.left:
        session.output.line("  " + session.say("detach_again", connection=work.connection))
    return whole


def _remove(session: Session, work: Preparing, connector: Prepares, addition: Addition) -> Part:
    name = shared.called(session, addition)
    if addition.manual:
        session.output.line("  " + session.say("detach_by_hand", name=name, steps=addition.steps))
        return Part(addition.id, "by_hand", addition.steps)
    try:
        work.remove(connector, addition)
    except (ConnectorError, GateClosed) as error:
        session.output.line("  " + session.say("detach_kept", name=name, reason=shared.reason(error)))
        return Part(addition.id, "failed", shared.reason(error))
    session.output.line("  " + session.say("detach_removed", name=name))
    return Part(addition.id, "done")


def _show(session: Session, connection: Connection, counts: Mapping[str, int], found: Sequence[Addition]) -> None:
    output, say = session.output, session.say
    if found:
        shared.table(session, connection.name, found)
    else:
        output.line(say("detach_nothing", connection=connection.name))
    for side, count in counts.items():
        output.line("  " + say("detach_marked", side=side, count=count))
