"""``keepstep waive``."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

import click
import sqlalchemy as sa

from keepstep.cli import told
from keepstep.cli.output import cell
from keepstep.cli.session import WRONG, Session, Trouble, decider
from keepstep.cli.timeline import moment
from keepstep.engine import waivers
from keepstep.problems import Problem
from keepstep.store import tables as t
from keepstep.store.findings import OPEN


@click.command(help="Say that a handoff that a finding tells of need not be kept, and why; or take that back.")
@click.argument("finding")
@click.option("--reason", help="Why. It is kept, and shown to whoever asks.")
@click.option("--until", help="The last day (2026-11-30), or moment, at which that holds; for ever if not said.")
@click.option("--withdraw", is_flag=True, help="It must be kept after all.")
@decider
@click.pass_context
def waive(
    ctx: click.Context, finding: str, reason: str | None, until: str | None, withdraw: bool, name: str | None
) -> None:
    session: Session = ctx.obj
    if withdraw == bool(reason and reason.strip()):
        raise click.UsageError(session.say("waive_why"))
    by = session.person(name)
    end = _end(session, until) if until else None
    with session.hub() as hub, hub.store.write() as tx:
        row = tx.one(sa.select(t.finding).where(t.finding.c.id == finding))
        if row is None:
            raise Trouble(Problem("no_such_finding", {"id": finding}), WRONG)
        if row["code"] not in waivers.WAIVABLE or row["state"] not in OPEN or (withdraw and row["state"] != "waived"):
            raise Trouble(Problem("not_waivable", {"id": finding, "who": session.who}), WRONG)
        if withdraw:
            waivers.withdraw(tx, hub.ports, row, by)
        else:
            waivers.waive(tx, hub.ports, row, by, (reason or "").strip(), end)
        row["state"] = "open" if withdraw else "waived"
    if session.output.as_json:
        given = {"by": by, "reason": reason, "until": end}
        session.output.document({"finding": told.as_data(session, row), "waived": None if withdraw else given})
    code = "waiver_withdrawn" if withdraw else "waived"
    session.output.line(cell(session.say(code, text=told.words(session, row["code"], row["params"]), by=by)))


def _end(session: Session, until: str) -> str:
    """A day stays a day: it is meant whole. Raises ``Trouble`` for what is no time, or over already."""
    now = session.runtime.clock.now()
    zone = ZoneInfo(session.config().timezone)
    if re.fullmatch(r"[0-9]+[mhd]", until):  # that is how long ago, elsewhere
        raise Trouble(Problem("until_unfit", {"text": until}), WRONG)
    found = moment(until, now, zone)
    day = re.fullmatch(r"\d{4}-\d{2}-\d{2}", until) is not None
    if (until < now.astimezone(zone).date().isoformat()) if day else (found < moment("1m", now, zone)):
        raise Trouble(Problem("until_unfit", {"text": until}), WRONG)
    return until if day else found
