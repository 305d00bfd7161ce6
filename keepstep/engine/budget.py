"""How much of a day's requests a connection may spend: counted in the store, shared by all processes, kept by waiting.

A request counts as what the service takes for it, where the connector can tell (``Connector.units``); else as one.
The ceiling is a bucket. A part of it may be spent at once, the rest comes back evenly over the day, so that no day of
24 hours, wherever it begins, sees more than the ceiling. Who may draw how deep is what orders the work: what people did
may empty the bucket, looking leaves something for that, and what comes of the first linking leaves most. Whoever has
spent most lately leaves the others their part.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from connectors.base import Quota, utc
from keepstep.engine.ports import Ports
from keepstep.store import findings
from keepstep.store import tables as t
from keepstep.store.findings import Finding
from keepstep.store.store import Tx

DAY = 86_400.0
SHARE = 0.25
"""Of a day's quota, where the configuration says nothing: the organisation has other programs."""
BURST = 0.25
"""Part of the ceiling that may be spent at once."""
KEPT = timedelta(days=8)
"""How long the days' counts are kept."""

Purpose = Literal["edits", "look", "backfill"]
RESERVE: Mapping[Purpose, float] = {"edits": 0.0, "look": 0.2, "backfill": 0.5}
"""Part of the bucket that is left for what comes before."""
FAIR = 0.25
"""Part of the bucket that somebody who has spent everything lately leaves to others; who spent half, half of it."""

SIGN_IN = "sign in"


_BUCKET = sa.select(t.allowance).where(t.allowance.c.connection == sa.bindparam("connection"))
# The row is locked until the transaction ends, so that of two processes neither forgets the other's requests.
_MINE = _BUCKET.with_for_update()
_CALLS = sa.cast(sa.func.sum(t.spending.c.calls), sa.BigInteger).label("calls")
"""As a whole number: PostgreSQL adds up to decimals."""
_SPENT = (
    sa.select(t.spending.c.spender, _CALLS)
    .where(t.spending.c.connection == sa.bindparam("connection"), t.spending.c.day >= sa.bindparam("since"))
    .group_by(t.spending.c.spender)
)
_ADD = sa.text(
    "INSERT INTO spending (connection, day, spender, calls) VALUES (:connection, :day, :spender, :calls) "
    "ON CONFLICT (connection, day, spender) DO UPDATE SET calls = spending.calls + excluded.calls"
)


@dataclass(frozen=True, slots=True)
class Bucket:
    """Requests that may be sent now, of a ceiling for a day."""

    ceiling: int
    left: float
    at: datetime

    @property
    def size(self) -> float:
        return self.ceiling * BURST

    @property
    def pace(self) -> float:
        """Requests that come back in a second."""
        return (self.ceiling - self.size) / DAY

    def later(self, now: datetime) -> Bucket:
        """The bucket at that time. A clock that was set back gives nothing."""
        passed = max(0.0, (now - self.at).total_seconds())
        return Bucket(self.ceiling, min(self.size, self.left + passed * self.pace), now)

    def under(self, ceiling: int) -> Bucket:
        """The bucket with another ceiling: what was spent stays spent."""
        other = Bucket(ceiling, 0.0, self.at)
        return Bucket(ceiling, min(other.size, self.left), self.at)

    def taken(self, calls: int) -> Bucket:
        return Bucket(self.ceiling, self.left - calls, self.at)

    def floor(self, purpose: Purpose, part: float) -> float:
        """What is to be left for others by somebody who made that part of all requests lately."""
        return self.size * (RESERVE[purpose] + FAIR * part)


@dataclass(frozen=True, slots=True)
class Room:
    """What may be spent for one purpose now, and the most that ever could be."""

    calls: float
    most: float

    def fits(self, calls: int) -> bool:
        """Whether work of so many requests may begin. What is larger than any room waits until nothing more comes."""
        return self.calls >= min(float(calls), self.most)


def ceiling(share: float | None, calls: int | None, quota: Quota | None) -> int | None:
    """The requests a day that a connection may send: as configured, else a part of what the service allows a day."""
    if calls is not None:
        return calls
    if quota is None or quota.seconds < DAY:
        return None
    return int(quota.amount * (SHARE if share is None else share) * DAY / quota.seconds)


class Meter:
    """Books what a connection sends, and says what it may still send. Thread-safe.

    ``sent`` counts the requests of this process, as the service does.
    """

    def __init__(self, connection: str, ceiling: int, sent: Callable[[], int]) -> None:
        self.connection = connection
        self.ceiling = ceiling
        self._sent = sent
        self._booked = 0
        self._lock = threading.Lock()

    def begin(self, tx: Tx, now: datetime) -> None:
        """Put the ceiling in force and book what signing in took."""
        self._keep(tx, self._bucket(tx, now))
        self.book(tx, now, SIGN_IN)

    def book(self, tx: Tx, now: datetime, spender: str) -> None:
        """Write down what was sent since the last time, in the caller's transaction. If that fails, they are lost:
        the requests of one page or part at most."""
        with self._lock:
            calls = self._sent() - self._booked
            self._booked += calls
        if not calls:
            return
        self._keep(tx, self._bucket(tx, now).taken(calls))
        row = {"connection": self.connection, "day": day_of(now), "spender": spender, "calls": calls}
        tx.execute(_ADD, **row)

    def room(self, tx: Tx, now: datetime, purpose: Purpose, spender: str) -> Room:
        """What the spender may send for that purpose now."""
        bucket = self._bucket(tx, now, _BUCKET)
        since = day_of(now - timedelta(days=1))
        spent = tx.all(_SPENT, connection=self.connection, since=since)
        total = sum(row["calls"] for row in spent)
        own = sum(row["calls"] for row in spent if row["spender"] == spender)
        floor = bucket.floor(purpose, own / total if total else 1.0)  # the first to come is as modest as the greediest
        with self._lock:
            unbooked = self._sent() - self._booked
        return Room(bucket.left - unbooked - floor, bucket.size - floor)

    def wait(self, tx: Tx, now: datetime, calls: int) -> float:
        """Seconds over which the ceiling stretches so many requests, at least."""
        bucket = self._bucket(tx, now, _BUCKET)
        return max(0.0, (calls - bucket.left) / bucket.pace)

    def _bucket(self, tx: Tx, now: datetime, query: sa.Select[Any] = _MINE) -> Bucket:
        row = tx.one(query, connection=self.connection)
        if row is None:
            return Bucket(self.ceiling, self.ceiling * BURST, now)
        bucket = Bucket(row["ceiling"], row["left"], datetime.fromisoformat(row["at"]))
        return bucket.under(self.ceiling).later(now)

    def _keep(self, tx: Tx, bucket: Bucket) -> None:
        row = {"connection": self.connection, "ceiling": bucket.ceiling, "left": bucket.left, "at": utc(bucket.at)}
        tx.upsert(t.allowance, [row])


def begin(tx: Tx, now: datetime, meters: Mapping[str, Meter | None]) -> None:
    """Put the ceilings of those connections in force, take back what is none any more, and forget old days."""
    free = [name for name, meter in meters.items() if meter is None]
    tx.execute(sa.delete(t.allowance).where(t.allowance.c.connection.in_(free)))
    tx.execute(sa.delete(t.spending).where(t.spending.c.day < day_of(now - KEPT)))
    for meter in meters.values():
        if meter is not None:
            meter.begin(tx, now)


def day_of(moment: datetime) -> str:
    """The day in UTC under which requests are counted."""
    return utc(moment)[:10]


def spent_on(tx: Tx, day: str) -> dict[str, int]:
    """Connection -> requests booked on that day."""
    query = sa.select(t.spending.c.connection, _CALLS)
    rows = tx.all(query.where(t.spending.c.day == day).group_by(t.spending.c.connection))
    return {row["connection"]: row["calls"] for row in rows}


def standing(tx: Tx, now: datetime) -> list[dict[str, Any]]:
    """Of each connection with a ceiling: what it has sent today, the most that it may in a day, and at once."""
    used = spent_on(tx, day_of(now))
    found = []
    for row in tx.all(sa.select(t.allowance).order_by(t.allowance.c.connection)):
        bucket = Bucket(row["ceiling"], row["left"], datetime.fromisoformat(row["at"])).later(now)
        name = row["connection"]
        left = max(0, int(bucket.left))
        found.append({"connection": name, "used": used.get(name, 0), "ceiling": bucket.ceiling, "left": left})
    return found


def held_key(what: str, sync: str | None = None) -> str:
    """Which trouble it is: one per feed, or per side of a sync."""
    return f"budget_held:{what}" if sync is None else f"budget_held:{sync}:{what}"


def tell_held(tx: Tx, ports: Ports, meter: Meter, what: str, sync: str | None = None) -> list[Finding]:
    """The ceiling holds up work that is known to be there: a feed's reading, or what a side is owed."""
    used = spent_on(tx, day_of(ports.clock.now())).get(meter.connection, 0)
    finding = Finding(
        key=held_key(what, sync),
        code="budget_held",
        severity="warning",
        sync=sync,
        params={"connection": meter.connection, "what": what, "used": used, "ceiling": meter.ceiling},
    )
    return findings.report(tx, [finding], ports.now(), ports.new_id)


def tell_unmeasured(
    tx: Tx, ports: Ports, quotas: Mapping[str, Quota | None], shares: Mapping[str, float | None]
) -> None:
    """A part of nothing: the service states no allowance that requests could be counted against.

    ``quotas``: connection -> what its service allows; ``shares``: connection -> the part of it that the configuration
    asks for. What was told of those connections before and is over ends.
    """
    there = []
    for name, quota in quotas.items():
        counted = quota is not None and (quota.seconds >= DAY or quota.unit == "requests")
        if shares.get(name) is not None and not counted:
            key = f"budget_unmeasured:{name}"
            there.append(Finding(key=key, code="budget_unmeasured", params={"connection": name}))
    findings.report(tx, there, ports.now(), ports.new_id)
    over = {f"budget_unmeasured:{name}" for name in quotas} - {finding.key for finding in there}
    findings.close(tx, over, ports.now())
