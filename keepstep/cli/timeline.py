"""``keepstep timeline``."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click
import sqlalchemy as sa

from connectors.base import utc
from keepstep.cli import address
from keepstep.cli.history import Telling
from keepstep.cli.output import cell
from keepstep.cli.session import WRONG, Session, Trouble
from keepstep.cli.story import story
from keepstep.engine.timeline import Event, Scope, timeline, within
from keepstep.problems import Problem
from keepstep.store import tables as t
from keepstep.store.store import Tx
from mapping.model import Kind

AGO = {"m": "minutes", "h": "hours", "d": "days"}
WHOLE = (Kind.CUSTOMER, Kind.PROJECT)
"""Kinds whose story is that of all that lies under them."""


@click.command(
    name="timeline",
    help="What happened, oldest first: changes that were seen, what was decided and by whom, what was written. Of all, "
    "of one thing (a project or customer with all that lies under it), or of one run. What tells nothing new is left "
    "out, unless --all is given. With --json a line per event, of all of them.",
)
@click.argument("what", metavar="[ENTITY|PROJECT|RUN]", required=False)
@click.option("--since", help="From then on: a day, a moment, or how long ago (90m, 12h, 7d).")
@click.option("--all", "whole", is_flag=True, help="Every event in a line of its own, also one that tells nothing new.")
@click.pass_context
def command(ctx: click.Context, what: str | None, since: str | None, whole: bool) -> None:
    session: Session = ctx.obj
    zone = ZoneInfo(session.config().timezone)
    begin = moment(since, session.runtime.clock.now(), zone) if since else None
    empty = True
    with session.hub() as hub, hub.store.read() as tx:
        telling = Telling(tx, session)
        events = timeline(tx, _scope(tx, session, what, begin))
        whole = whole or session.output.as_json
        for line in ([event] for event in events) if whole else story(events):
            empty = False
            _tell(session, telling, line, whole)
    if empty:
        session.output.line(session.say("timeline_empty"))


def moment(text: str, now: datetime, zone: ZoneInfo) -> str:
    """The time that a person means: a day in that zone, a moment, or so long before ``now``. Raises ``Trouble``."""
    ago = re.fullmatch(r"([1-9][0-9]{0,5})([mhd])", text)
    try:
        if ago:
            return utc(now - timedelta(**{AGO[ago[2]]: int(ago[1])}))
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return utc(datetime.combine(date.fromisoformat(text), time(), zone))
        found = datetime.fromisoformat(text)
        return utc(found if found.tzinfo else found.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        raise Trouble(Problem("since_unfit", {"text": text}), WRONG) from None


def _scope(tx: Tx, session: Session, what: str | None, since: str | None) -> Scope:
    if what is None:
        return Scope(since=since)
    for table in (t.run.c.id, t.intent.c.run, t.audit.c.run):
        if tx.one(sa.select(table).where(table == what).limit(1)) is not None:
            return Scope(run=what, since=since)
    state = address.entity(tx, session, what)
    return Scope(entities=within(tx, state.id) if state.kind in WHOLE else (state.id,), since=since)


def _tell(session: Session, telling: Telling, line: list[Event], whole: bool) -> None:
    event = line[0]
    title = telling.title(event.entity) if event.entity else None
    if session.output.as_json:
        session.output.document(as_data(event) | {"title": title, "message": telling.message(event)})
        return
    text = telling.each(event) if whole else telling.told(line)
    # What a finding says names what it is about.
    titled = title and not event.code.startswith("finding_")
    said = session.say("told_of", title=title, at=event.at, text=text) if titled else None
    session.output.line(cell(said or session.say("told_at", at=event.at, text=text)))


def as_data(event: Event) -> dict[str, Any]:
    """An event for ``--json``."""
    names = ("at", "code", "run", "sync", "entity", "side", "field", "params")
    return {name: getattr(event, name) for name in names}
