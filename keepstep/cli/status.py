"""``keepstep status``."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import Any

import click
import sqlalchemy as sa

from keepstep.cli import told
from keepstep.cli.output import cell
from keepstep.cli.session import NEEDS_A_PERSON, Session
from keepstep.config import RIDING
from keepstep.config.schema import Sync
from keepstep.engine import guard, preparing
from keepstep.engine.budget import standing
from keepstep.engine.freshness import behind, sides_of
from keepstep.engine.match.summary import open_proposals
from keepstep.store import tables as t
from keepstep.store.store import Tx


@click.command(help="Show how each sync stands, how fresh it is, and when each feed was read. Asks no system.")
@click.argument("sync", nargs=-1)
@click.pass_context
def status(ctx: click.Context, sync: tuple[str, ...]) -> None:
    session: Session = ctx.obj
    names = session.syncs(sync)
    with session.hub() as hub, hub.store.read() as tx:
        now = hub.runtime.clock.now()
        syncs = [_sync(session, tx, name, session.config().sync(name), now) for name in names]
        feeds = _feeds(tx)
        left = sorted(preparing.detached(tx) & session.config().connections.keys())
        budgets = [budget for budget in standing(tx, now) if budget["connection"] in session.config().connections]
        open_ones = told.stored(tx, syncs=names)
    output = session.output
    counts = Counter(row["severity"] for row in open_ones)
    if output.as_json:
        document = {"syncs": syncs, "feeds": feeds, "budgets": budgets, "findings": dict(sorted(counts.items()))}
        output.document(document | {"asking": told.asking(open_ones), "detached": left})
    else:
        _print(session, syncs, feeds, budgets, open_ones)
        for name in left:
            output.line(session.say("is_detached", connection=name))
    if any(each["holds"] or each["proposals"] for each in syncs) or told.asking(open_ones):
        ctx.exit(NEEDS_A_PERSON)


def _sync(session: Session, tx: Tx, name: str, configured: Sync, now: datetime) -> dict[str, Any]:
    riding = name.partition(".")[2]
    sides = sides_of(tx, name) if riding else [str(side) for side in configured.sides]
    lacking = behind(tx, session.config(), name, now)
    linked = (
        sa.select(t.link.c.side, sa.func.count().label("n"))
        .join(t.entity, t.entity.c.id == t.link.c.entity)
        .where(t.entity.c.sync == name, t.link.c.state == "live")
        .group_by(t.link.c.side)
    )
    links = {row["side"]: row["n"] for row in tx.all(linked)}
    holds = tx.all(sa.select(t.hold).where(t.hold.c.sync == name, t.hold.c.state == "open").order_by(t.hold.c.reason))
    last = tx.one(sa.select(t.run).where(t.run.c.sync == name).order_by(t.run.c.started_at.desc()).limit(1))
    age = (now - datetime.fromisoformat(lacking.since)).total_seconds() if lacking.since else None
    return {
        "name": name,
        "entity": RIDING[riding].value if riding else configured.entity.value,
        "mode": configured.mode,
        "links": {side: links.get(side, 0) for side in sides},
        "parked": _count(tx, t.entity, t.entity.c.sync == name, t.entity.c.parked.is_(True)),
        "owed": lacking.owed,
        "unjudged": _count(tx, t.due, t.due.c.sync == name),
        "conflicts": tx.scalar(
            sa.select(sa.func.count())
            .select_from(t.conflict.join(t.entity, t.entity.c.id == t.conflict.c.entity))
            .where(t.entity.c.sync == name)
        ),
        "proposals": open_proposals(tx, name),
        "in_doubt": _count(tx, t.intent, t.intent.c.sync == name, t.intent.c.closed_at.is_(None)),
        "holds": [
            {
                "reason": guard.reason_of(hold["reason"]),
                "params": hold["params"],
                "message": told.hold_words(session, name, guard.reason_of(hold["reason"]), hold["params"]),
            }
            for hold in holds
        ],
        "last_run": last and {key: last[key] for key in ("id", "mode", "started_at", "ended_at", "result", "counts")},
        "oldest_not_carried_over": lacking.since,
        "behind_seconds": max(0, int(age)) if age is not None else None,
    }


def _count(tx: Tx, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> int:
    return int(tx.scalar(sa.select(sa.func.count()).select_from(table).where(*conditions)) or 0)


def _feeds(tx: Tx) -> list[dict[str, Any]]:
    rows = tx.all(sa.select(t.feed).order_by(t.feed.c.name))
    names = ("name", "crawled", "observed_at", "failed")
    return [{name: row[name] for name in names} for row in rows]


def _print(
    session: Session,
    syncs: list[dict[str, Any]],
    feeds: list[dict[str, Any]],
    budgets: list[dict[str, Any]],
    findings: list[dict[str, Any]],
) -> None:
    output, say = session.output, session.say
    for each in syncs:
        output.line(say("status_sync", sync=each["name"], mode=say(f"mode.{each['mode']}")))
        links = [say("status_links", side=side, count=count) for side, count in each["links"].items()]
        output.line("  " + session.listed(links))
        counts = [
            say(f"status_{name}", count=each[name])
            for name in ("unjudged", "owed", "conflicts", "proposals", "parked", "in_doubt")
            if each[name]
        ]
        if counts:
            output.line("  " + session.listed(counts))
        seconds = each["behind_seconds"]
        output.line("  " + (say("fresh") if seconds is None else say("freshness", minutes=seconds // 60)))
        last = each["last_run"]
        output.line("  " + (say("status_last", at=last["started_at"]) if last else say("status_never")))
        for hold in each["holds"]:
            output.line("  " + say("plan_held", text=hold["message"]))
            output.line("    " + say("plan_let", sync=each["name"], who=session.who))
    output.line("")
    for feed in feeds:
        code = "status_feed" if feed["crawled"] else "status_feed_first"
        output.line(say(code, feed=feed["name"], at=feed["observed_at"]))
        if feed["failed"]:
            output.line("  " + cell(say("status_failed", at=feed["failed"]["at"], reason=feed["failed"]["detail"])))
    for row in findings:
        if row["code"].startswith("connection_failed"):  # its syncs are left out: what they show is as old as that
            output.line(cell(told.words(session, row["code"], row["params"])))
    for budget in budgets:
        output.line(say("status_budget", **budget))
    if findings:
        output.line("")
        output.line(say("status_findings", count=len(findings), asking=told.asking(findings)))
