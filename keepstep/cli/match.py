"""``keepstep match``."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click
import sqlalchemy as sa

from keepstep.cli.looking import failed_feeds, looked
from keepstep.cli.output import cell
from keepstep.cli.session import FAILED, NEEDS_A_PERSON, WRONG, Session, Trouble
from keepstep.cli.values import Reading
from keepstep.engine.match import decide
from keepstep.engine.world import Sync
from keepstep.hub import Hub
from keepstep.problems import Problem
from keepstep.store import tables as t
from keepstep.store.store import Tx

ALL = "all"


@click.command(help="Look at all sides, link what belongs together, and list what a person must decide.")
@click.argument("sync", nargs=-1)
@click.option("--accept", help="The proposal of this id, or all of them: they are the same thing.")
@click.option("--reject", help="The proposal of this id, or all of them: they are different things.")
@click.option("--as", "name", help="Who decides; the user signed in on this machine if not said.")
@click.pass_context
def match(ctx: click.Context, sync: tuple[str, ...], accept: str | None, reject: str | None, name: str | None) -> None:
    session: Session = ctx.obj
    names, output = session.syncs(sync), session.output
    if accept and reject and ALL in (accept, reject):
        raise click.UsageError(session.say("accept_or_reject"))
    with session.hub() as hub:
        running, lost = looked(session, hub, names)
        unread = failed_feeds(session, hub, running)
        waiting = {each.name: hub.engine.take_in(each).matched.waiting for each in running}
        decided, taken = [], 0
        for proposal, yes in ((accept, True), (reject, False)):
            if proposal is not None:
                by = session.person(name)
                told, failed = _decide(hub, running, proposal, yes, by)
                decided += told
                taken += failed
        if decided:
            for each in running:
                hub.engine.take_in(each)
        with hub.store.read() as tx:
            reading = Reading(tx, session)
            syncs = [_sync(tx, reading, each) | {"waiting": waiting[each.name]} for each in running]
    if output.as_json:
        output.document({"syncs": syncs, "decided": decided, "unreachable": lost, "unread": unread})
    else:
        for word in decided:
            output.line(session.say("proposal_accepted" if word["accepted"] else "proposal_rejected", id=word["id"]))
        for data in syncs:
            _show(session, data)
    if taken:
        output.warn(session.say("proposals_taken", count=taken))
    if lost or unread:
        ctx.exit(FAILED)
    if taken or any(each["proposals"] for each in syncs):
        ctx.exit(NEEDS_A_PERSON)


def _open(tx: Tx, names: list[str]) -> list[dict[str, Any]]:
    query = sa.select(t.proposal).where(t.proposal.c.sync.in_(names), t.proposal.c.state == "open")
    return tx.all(query.order_by(t.proposal.c.id))


def _decide(hub: Hub, syncs: list[Sync], proposal: str, accept: bool, by: str) -> tuple[list[dict[str, Any]], int]:
    """Decide one proposal or all; those decided, and how many cannot be accepted any more."""
    with hub.store.read() as tx:
        rows = _open(tx, [each.name for each in syncs])
    known = {each.name: each for each in syncs}
    chosen = [row for row in rows if proposal in (ALL, row["id"])]
    if not chosen and proposal != ALL:
        raise Trouble(Problem("no_such_proposal", {"id": proposal}), WRONG)
    decided, taken = [], 0
    for row in chosen:
        try:
            decide(hub.ports, known[row["sync"]], row["id"], accept, by)
        except KeyError:
            continue  # another acceptance has settled it
        except ValueError:
            taken += 1  # its place went to another record meanwhile
            continue
        decided.append({"id": row["id"], "accepted": accept})
    return decided, taken


def _sync(tx: Tx, reading: Reading, sync: Sync) -> dict[str, Any]:
    query = (
        sa.select(t.link.c.entity, t.link.c.side, t.link.c.record, t.record.c.marker, t.record.c.match_key)
        .join(t.entity, t.entity.c.id == t.link.c.entity)
        .join(t.record, sa.and_(t.record.c.side == t.link.c.side, t.record.c.id == t.link.c.record))
        .where(t.entity.c.sync == sync.name, t.link.c.state == "live")
        .order_by(t.link.c.entity, t.link.c.side)
    )
    entities: dict[str, list[dict[str, Any]]] = {}
    for row in tx.all(query):
        entities.setdefault(row["entity"], []).append(row)
    accepted = {row["other"] for row in tx.all(sa.select(t.proposal.c.other).where(t.proposal.c.state == "accepted"))}
    links = [
        {
            "entity": id,
            "title": reading.title(id),
            "evidence": evidence(id, rows, accepted),
            "records": {row["side"]: row["record"] for row in rows},
        }
        for id, rows in entities.items()
        if len(rows) > 1
    ]
    alone = Counter(rows[0]["side"] for rows in entities.values() if len(rows) == 1)
    proposals = [
        {
            "id": row["id"],
            "entity": row["entity"],
            "other": row["other"],
            "title": reading.title(row["entity"]),
            "records": _addresses(tx, row["entity"]),
            "other_records": _addresses(tx, row["other"]),
            "keys": row["evidence"]["keys"],
        }
        for row in _open(tx, [sync.name])
    ]
    return {"name": sync.name, "links": links, "alone": dict(sorted(alone.items())), "proposals": proposals}


def evidence(entity: str, rows: list[dict[str, Any]], accepted: set[str]) -> str:
    """By what the records of an entity were told to be one thing."""
    if any(row["marker"] == entity for row in rows):
        return "marker"
    if entity in accepted:
        return "accepted"
    keys = {row["match_key"] for row in rows}
    return "key" if len(keys) == 1 and None not in keys else "earlier"


def _addresses(tx: Tx, entity: str) -> list[str]:
    rows = tx.all(sa.select(t.link.c.side, t.link.c.record).where(t.link.c.entity == entity).order_by(t.link.c.side))
    return [f"{row['side']}:{row['record']}" for row in rows]


def _show(session: Session, data: dict[str, Any]) -> None:
    output, say = session.output, session.say
    output.line(say("sync_line", sync=data["name"], text=say("match_links", count=len(data["links"]))))
    if data["waiting"]:
        output.line("  " + say("plan_first_crawl", feed=data["waiting"]))
    for kind in ("marker", "accepted", "key", "earlier"):
        mine = [each for each in data["links"] if each["evidence"] == kind]
        if mine:
            output.line("  " + say(f"evidence.{kind}"))
        for each in mine:
            records = [f"{side}:{record}" for side, record in each["records"].items()]
            output.line("    " + cell(say("match_line", title=each["title"], records=records)))
    for side, count in data["alone"].items():
        output.line("  " + say("match_alone", side=side, count=count))
    for each in data["proposals"]:
        text = say(
            "proposal_line",
            id=each["id"],
            title=each["title"],
            records=each["records"],
            others=each["other_records"],
            keys=each["keys"],
        )
        output.line("  " + cell(text))
    if data["proposals"]:
        output.line("  " + say("proposal_cure"))
