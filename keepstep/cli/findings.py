"""``keepstep findings``."""

from __future__ import annotations

import click
import sqlalchemy as sa

from keepstep.cli import told
from keepstep.cli.output import cell
from keepstep.cli.session import NEEDS_A_PERSON, WRONG, Session, Trouble
from keepstep.problems import Problem
from keepstep.store import tables as t


@click.command(help="List what a person must see, the gravest first. `findings ack ID` says that you have seen it.")
@click.argument("action", required=False, type=click.Choice(["ack"]))
@click.argument("finding", required=False)
@click.option("--all", "every", is_flag=True, help="Also those that are over.")
@click.option("--code", help="Only those of this code.")
@click.option("--sync", help="Only those of this sync.")
@click.pass_context
def findings(
    ctx: click.Context, action: str | None, finding: str | None, every: bool, code: str | None, sync: str | None
) -> None:
    session: Session = ctx.obj
    if action == "ack":
        if finding is None:
            raise click.UsageError(session.say("ack_what"))
        _acknowledge(session, finding)
        return
    names = session.syncs([sync]) if sync else None
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
    if told.needs_a_person(rows):
        ctx.exit(NEEDS_A_PERSON)


def _acknowledge(session: Session, finding: str) -> None:
    with session.hub() as hub, hub.store.write() as tx:
        row = tx.one(sa.select(t.finding).where(t.finding.c.id == finding))
        if row is None:
            raise Trouble(Problem("no_such_finding", {"id": finding}), WRONG)
        if row["state"] == "open":
            tx.execute(sa.update(t.finding).where(t.finding.c.id == finding).values(state="acknowledged"))
            row["state"] = "acknowledged"
    if session.output.as_json:
        session.output.document({"finding": told.as_data(session, row)})
    code = "acknowledged" if row["state"] == "acknowledged" else "finding_over"
    session.output.line(session.say(code, text=told.words(session, row["code"], row["params"])))
