"""``keepstep sync``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from keepstep.cli import told
from keepstep.cli.looking import failed_feeds, read_by_another, slowed, unreachable
from keepstep.cli.output import cell
from keepstep.cli.session import FAILED, NEEDS_A_PERSON, Session
from keepstep.engine.match.summary import open_proposals
from keepstep.engine.round import Report


@click.command(help="Run one round: look, take in, and write where the sync's mode allows it.")
@click.argument("sync", nargs=-1)
@click.pass_context
def sync(ctx: click.Context, sync: tuple[str, ...]) -> None:
    session: Session = ctx.obj
    names, output = session.syncs(sync), session.output
    with session.hub() as hub:
        with hub.store.read() as tx:
            # What was to come and is missed now is told anew.
            before = {(row["id"], row["code"]) for row in told.stored(tx) if row["state"] == "open"}
        with output.progress(session.say("looking")):
            reports = hub.round(names)
        lost = unreachable(session, hub, names)
        unread = failed_feeds(session, hub, hub.syncs(names))
        observed = [each for report in reports for each in report.observed]
        held = slowed(session, hub, observed)
        taken = read_by_another(session, observed)
        with hub.store.read() as tx:
            rows = told.stored(tx, syncs=names)
            asked = {name: open_proposals(tx, name) for name in names}
    done = [summed(session, name, [each for each in reports if each.sync == name]) for name in names]
    asking = told.asking(rows)
    fresh = [row for row in rows if row["state"] == "open" and (row["id"], row["code"]) not in before]
    if output.as_json:
        findings = [told.as_data(session, row) for row in fresh]
        document = {"syncs": done, "findings": findings, "asking": asking}
        output.document(document | {"unreachable": lost, "unread": unread, "slowed": held, "taken": taken})
    else:
        for each in done:
            if each["name"] not in lost:
                show(session, each)
            if asked[each["name"]]:
                output.line("  " + session.say("proposals_wait", sync=each["name"], count=asked[each["name"]]))
        for row in fresh:
            output.line(cell(told.line(session, row)))
        if asking:
            output.line(session.say("findings_asking", count=asking))
    if lost or unread:
        ctx.exit(FAILED)
    if any(each["holds"] for each in done) or any(asked.values()) or asking:
        ctx.exit(NEEDS_A_PERSON)


def summed(session: Session, name: str, reports: Sequence[Report]) -> dict[str, Any]:
    """What the rounds of one sync did together."""
    counts = ("done", "confirmed", "refused", "unknown", "put_off")
    last = reports[-1] if reports else None
    return {
        "name": name,
        "mode": last.mode if last else None,
        "runs": [each.run for each in reports if each.applied.done],
        "busy": any(each.busy for each in reports),
        "linked": sum(each.matched.links for each in reports),
        "proposals": sum(each.matched.proposals for each in reports),
        "planned": max((each.planned for each in reports), default=0),
        **{count: sum(getattr(each.applied, count) for each in reports) for count in counts},
        "waiting": last.matched.waiting if last else None,
        "holds": [
            {"reason": hold.reason, "message": told.hold_words(session, name, hold.reason, hold.params)}
            for hold in (last.holds if last else ())
        ],
    }


def show(session: Session, each: dict[str, Any], file: Path | None = None) -> None:
    """Print one sync's line, and below it why it waits. ``file``: that of the plan that was to be carried out."""
    output, say = session.output, session.say
    if each["busy"]:
        output.line(say("sync_line", sync=each["name"], text=say("sync_busy")))
        return
    said = [
        say(f"sync_{count}", count=each[count])
        for count in ("done", "confirmed", "linked", "proposals", "refused", "unknown", "put_off")
        if each[count]
    ]
    if each["planned"] and (each["mode"] != "write" or each["holds"]):
        said.append(say("sync_planned", count=each["planned"]))
    said += [say("sync_run", run=run) for run in each["runs"]]
    text = session.listed(said) or say("nothing_to_do")
    output.line(say("sync_line", sync=each["name"], text=text))
    if each["waiting"]:
        output.line("  " + say("plan_first_crawl", feed=each["waiting"]))
    for hold in each["holds"]:
        output.line("  " + say("plan_held", text=hold["message"]))
    if each["holds"]:
        code = "plan_let" if file is None else "plan_let_file"
        output.line("    " + say(code, sync=each["name"], file=str(file), who=session.who))
