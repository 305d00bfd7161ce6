"""Whether anything moved since the whole was last gone through: a question whose cost does not follow what there is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from connectors.base import utc
from keepstep.engine import refusals
from keepstep.engine.ports import Ports
from keepstep.engine.world import Sync
from keepstep.store import tables as t
from keepstep.store.store import Tx

AGAIN = timedelta(minutes=15)
"""After which the whole is gone through again although nothing moved: time itself makes things due, and what leaves no
trace here (a person's new name) is seen by then."""

_PLACE = (
    sa.select(sa.func.max(t.change_log.c.n)),
    sa.select(sa.func.max(t.audit.c.n)),
    sa.select(sa.func.sum(t.position.c.n)),
    sa.select(sa.func.max(t.proposal.c.at)),
)


def _news() -> sa.Select[tuple[bool, bool, bool, bool, bool, bool]]:
    """Whether a sync ever ran, and what could make its next round do something. Built once: it is asked each round."""
    log, intent, due = t.change_log.c, t.intent.c, t.due.c
    sync: sa.BindParameter[str] = sa.bindparam("sync")
    position = sa.select(t.position.c.n).where(t.position.c.sync == sync).scalar_subquery()
    return sa.select(
        position.is_not(None),
        sa.exists().where(log.n > position, log.side.in_(sa.bindparam("sides", expanding=True))),
        sa.exists().where(due.sync == sync),
        sa.exists().where(t.entity.c.sync == sync, t.entity.c.owing.is_(True)),
        sa.exists().where(intent.sync == sync, intent.closed_at.is_(None)),
        sa.exists().where(t.finding.c.sync == sync, refusals.RIPE),
    )


_NEWS = _news()


def nothing_new(tx: Tx, ports: Ports, sync: Sync) -> bool:
    """Whether a round of the sync would find nothing to do: one question, however many links there are."""
    asked = {"sync": sync.name, "sides": sorted(sync.sides), "refused_before": refusals.before(ports)}
    begun, *there = tx.connection.execute(_NEWS, asked).one()
    return bool(begun) and not any(there)


def place(tx: Tx) -> list[Any]:
    """Where the store's own counts stand. Whatever is taken in, matched, agreed on, written or decided moves one."""
    return [tx.scalar(query) for query in _PLACE[:2]] + [str(tx.scalar(query) or 0) for query in _PLACE[2:]]


def at_rest(tx: Tx, ports: Ports, name: str, about: str) -> bool:
    """Whether nothing moved since ``gone_through`` under that name, about the same, less than ``AGAIN`` ago."""
    known = tx.scalar(sa.select(t.setting.c.value).where(t.setting.c.name == _setting(name)))
    if known is None or known["about"] != about or known["place"] != place(tx):
        return False
    until = utc(datetime.fromisoformat(known["at"]) + AGAIN)
    return bool(known["at"] <= ports.now() < until)


def gone_through(tx: Tx, ports: Ports, name: str, about: str, there: list[Any]) -> None:
    """The whole was gone through as it was at that place. ``about``: what else decides what is found."""
    tx.upsert(t.setting, [{"name": _setting(name), "value": {"about": about, "place": there, "at": ports.now()}}])


def _setting(name: str) -> str:
    return f"gone_through:{name}"
