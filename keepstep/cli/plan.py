"""``keepstep plan``."""

from __future__ import annotations

from pathlib import Path

import click

from keepstep.cli import planfile, planned
from keepstep.cli.looking import failed_feeds, looked
from keepstep.cli.session import FAILED, NEEDS_A_PERSON, Session


@click.command(help="Look at all sides and show what would be written, and why. Writes to no system.")
@click.argument("sync", nargs=-1)
@click.option("-o", "--out", type=click.Path(dir_okay=False, path_type=Path), help="Also write the plan to this file.")
@click.option("--limit", type=click.IntRange(min=1), help="Write no more than so many records.")
@click.pass_context
def plan(ctx: click.Context, sync: tuple[str, ...], out: Path | None, limit: int | None) -> None:
    session: Session = ctx.obj
    names, output = session.syncs(sync), session.output
    with session.hub() as hub:
        running, lost = looked(session, hub, names)
        unread = failed_feeds(session, hub, running)
        for each in running:
            hub.engine.take_in(each)  # all is taken in before anything is planned, as in a round
        hub.follow_up()
        plans = {each.name: hub.plan(each.name) for each in running}
        operations = planned.limited(plans, limit)
        syncs = [planned.as_data(session, hub, each, plans[each.name], operations[each.name]) for each in running]
        forecasts = planned.forecast(hub, running, plans, operations if limit is not None else None)
        over = planned.stretched(hub, forecasts)
        if out is not None:
            planfile.save(out, planfile.written(hub, operations))
    if output.as_json:
        document = {
            "syncs": syncs,
            "forecast": planned.forecast_data(forecasts, over),
            "unreachable": lost,
            "unread": unread,
        }
        output.document(document | {"file": str(out) if out else None})
    else:
        for data in syncs:
            planned.show(session, data)
        planned.summary(session, syncs, forecasts, over)
        if out is not None:
            output.line(session.say("plan_written", file=str(out), who=session.who))
    if lost or unread:
        ctx.exit(FAILED)
    if planned.open_questions(syncs):
        ctx.exit(NEEDS_A_PERSON)
