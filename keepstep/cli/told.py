"""Findings and holds in words, and how grave they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from keepstep.cli.session import Session
from keepstep.language import codes
from keepstep.store import tables as t
from keepstep.store.findings import OPEN
from keepstep.store.store import Tx

GRAVEST = ("critical", "error", "warning", "info")


def words(session: Session, code: str, params: Mapping[str, Any]) -> str:
    """A finding as a sentence. One that this version cannot say is named with what is known of it."""
    if code in codes():
        try:
            return session.say(code, **params)
        except (KeyError, TypeError, ValueError):
            pass  # stored by another version, with other parameters
    return session.say("finding_unsaid", code=code, params=dict(params))


def stored(
    tx: Tx, *, every: bool = False, code: str | None = None, syncs: Iterable[str] | None = None
) -> list[dict[str, Any]]:
    """Findings, the gravest first, then the oldest. ``every``: also those that are over."""
    query = sa.select(t.finding).order_by(t.finding.c.opened_at, t.finding.c.id)
    if not every:
        query = query.where(t.finding.c.state.in_(OPEN))
    if code is not None:
        query = query.where(t.finding.c.code == code)
    if syncs is not None:
        query = query.where(sa.or_(t.finding.c.sync.in_(list(syncs)), t.finding.c.sync.is_(None)))
    order = {name: number for number, name in enumerate(GRAVEST)}
    return sorted(tx.all(query), key=lambda row: order.get(row["severity"], 0))


def as_data(session: Session, row: Mapping[str, Any]) -> dict[str, Any]:
    """A finding for ``--json``."""
    names = ("id", "code", "severity", "sync", "entity", "state", "opened_at", "closed_at", "times")
    known = {name: row[name] for name in names}
    return known | {"message": words(session, row["code"], row["params"]), "params": row["params"]}


def line(session: Session, row: Mapping[str, Any]) -> str:
    """A finding on one line: id, how grave, what."""
    severity = session.say(f"severity.{row['severity']}")
    return f"{row['id']}  {severity}  {words(session, row['code'], row['params'])}"


def asking(rows: Iterable[Mapping[str, Any]]) -> int:
    """How many of these findings need a person: they are open, worse than news, and nobody has acknowledged them."""
    return sum(row["state"] == "open" and row["severity"] != "info" for row in rows)


def hold_words(session: Session, sync: str, reason: str, params: Mapping[str, Any]) -> str:
    """Why a plan waits, as a sentence."""
    return words(session, f"guard_{reason}", {"sync": sync, **params})
