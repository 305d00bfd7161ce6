"""``keepstep findings``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click
import sqlalchemy as sa

from keepstep.cli import told
from keepstep.cli.output import cell
from keepstep.cli.session import NEEDS_A_PERSON, SIGNED_IN, WRONG, Session, Trouble
from keepstep.engine import refusals
from keepstep.language import codes
from keepstep.language.findings import TOLD
from keepstep.problems import Problem, nearest
from keepstep.store import tables as t
from keepstep.store.findings import OPEN, acknowledge
from keepstep.store.store import Tx


@click.command(
    help="List what a person must see, the gravest first. `findings ack ID` says that you have seen it, "
    "`findings retry ID` that what a service refused can be tried again."
)
@click.argument("action", required=False, type=click.Choice(["ack", "retry"]))
@click.argument("finding", required=False)
@click.option("--all", "every", is_flag=True, help="Also those that are over.")
@click.option("--code", help="Only those of this code.")
@click.option("--sync", help="Only those of this sync.")
@click.option("--as", "name", help=f"With `ack`: who has seen it; {SIGNED_IN}")
@click.pass_context
def findings(
    ctx: click.Context,
    action: str | None,
    finding: str | None,
    every: bool,
    code: str | None,
    sync: str | None,
    name: str | None,
) -> None:
    session: Session = ctx.obj
    if action is not None:
        if finding is None:
            raise click.UsageError(session.say("which_finding", action=action))
        if action == "ack":
            _acknowledge(session, finding, session.person(name))
        else:
            _retry(session, finding)
        return
    if code is not None and code not in codes():
        raise Trouble(Problem("no_such_code", {"code": code, "nearest": nearest(code, TOLD)}), WRONG)
    names = session.syncs([sync]) if sync is not None else None
    with session.hub() as hub, hub.store.read() as tx:
        rows = told.stored(tx, every=every, code=code, syncs=names)
    if names is not None:
        rows = [row for row in rows if row["sync"] in names]
    output = session.output
    if output.as_json:
        output.document({"findings": [told.as_data(session, row) for row in rows]})
    for row in rows:
        state = "" if row["state"] == "open" else f" [{session.say('state.' + row['state'])}]"
        output.line(cell(told.line(session, row)) + state)
    if not rows:
        output.line(session.say("no_findings"))
    if told.asking(rows):
        ctx.exit(NEEDS_A_PERSON)


def _found(tx: Tx, finding: str) -> dict[str, Any]:
    row = tx.one(sa.select(t.finding).where(t.finding.c.id == finding))
    if row is None:
        raise Trouble(Problem("no_such_finding", {"id": finding}), WRONG)
    return row


def _acknowledge(session: Session, finding: str, by: str) -> None:
    with session.hub() as hub, hub.store.write() as tx:
        row = _found(tx, finding)
        if row["state"] == "open":
            acknowledge(tx, row, by, hub.ports.now())
            row["state"] = "acknowledged"
    _say(session, row, "acknowledged" if row["state"] == "acknowledged" else "finding_over")


def _retry(session: Session, finding: str) -> None:
    with session.hub() as hub, hub.store.write() as tx:
        row = _found(tx, finding)
        if row["code"] != refusals.CODE:
            raise Trouble(Problem("nothing_refused", {"id": finding}), WRONG)
        still = row["state"] in OPEN
        if still:
            refusals.forgive(tx, [row], hub.ports.now())
    _say(session, row, "tried_again" if still else "finding_over")


def _say(session: Session, row: Mapping[str, Any], code: str) -> None:
    if session.output.as_json:
        session.output.document({"finding": told.as_data(session, row)})
    session.output.line(session.say(code, text=told.words(session, row["code"], row["params"])))
