"""Whether anything moved since the whole was last gone through: a question whose cost does not follow what there is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

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

Place = list[Any]
"""Where the store's own counts stand."""

_COUNTS = (
    sa.select(sa.func.max(t.change_log.c.n)),
    sa.select(sa.func.max(t.audit.c.n)),
    sa.select(sa.func.count()).where(t.finding.c.state == "acknowledged"),
    sa.select(sa.func.sum(t.position.c.n)),
    sa.select(sa.func.max(t.proposal.c.at)),
)
_PLACE = sa.select(*(count.scalar_subquery() for count in _COUNTS))


class News(NamedTuple):
    """What could make a sync's next round do something."""

    begun: bool
    """It ran before."""
    seen: bool
    due: bool
    owing: bool
    in_doubt: bool
    ripe: bool

    @property
    def nothing(self) -> bool:
        """Whether a round would find nothing to do."""
        return self == News(True, False, False, False, False, False)

    @property
    def still_owing(self) -> bool:
        """Whether a round would find nothing to do but what was owed before."""
        return self == News(True, False, False, True, False, False)


def _news() -> sa.Select[tuple[bool, bool, bool, bool, bool, bool]]:
    """``News`` as one question. Built once: it is asked each round."""
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


def news(tx: Tx, ports: Ports, sync: Sync) -> News:
    """What there is for a round of the sync: one question, however many links there are."""
    asked = {"sync": sync.name, "sides": sorted(sync.sides), "refused_before": refusals.before(ports)}
    return News(*map(bool, tx.connection.execute(_NEWS, asked).one()))


def place(tx: Tx) -> Place:
    """Where the store's own counts stand. Whatever is taken in, matched, agreed on, written or decided moves one.

    So does a finding that a person has seen: a plan may have waited for that.
    """
    return [str(count or 0) for count in tx.connection.execute(_PLACE).one()]


def at_rest(tx: Tx, ports: Ports, name: str, about: str) -> bool:
    """Whether nothing moved since ``gone_through`` under that name, about the same, less than ``AGAIN`` ago."""
    return _known(tx, ports, name, about) is not None


def found_at_rest(tx: Tx, ports: Ports, name: str, about: str) -> Any:
    """What was found as it was ``gone_through``, as long as that is ``at_rest``; else None."""
    known = _known(tx, ports, name, about)
    return known["found"] if known is not None else None


def _known(tx: Tx, ports: Ports, name: str, about: str) -> dict[str, Any] | None:
    known = last(tx, name)
    if known is None or known["about"] != about or known["place"] != place(tx):
        return None
    until = utc(datetime.fromisoformat(known["at"]) + AGAIN)
    return known if known["at"] <= ports.now() < until else None


def last(tx: Tx, name: str) -> dict[str, Any] | None:
    """What ``gone_through`` left under that name: another worker left something else meanwhile if it differs."""
    found: dict[str, Any] | None = tx.setting(_setting(name))
    return found


def gone_through(tx: Tx, ports: Ports, name: str, about: str, there: Place, found: Any = None) -> None:
    """The whole was gone through as it was at that place. ``about``: what else decides what is ``found``."""
    value = {"about": about, "place": there, "found": found, "at": ports.now()}
    tx.upsert(t.setting, [{"name": _setting(name), "value": value}])


def _setting(name: str) -> str:
    return f"gone_through:{name}"
