"""A person's word that an expectation of a handoff need not be met: kept, taken back, and over when its time is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import sqlalchemy as sa

from keepstep.engine.handoffs.verdict import Waiver
from keepstep.engine.ports import Ports
from keepstep.store import tables as t
from keepstep.store.store import Tx

NAME = "waiver:"
WAIVABLE = ("handoff_due", "handoff_breached")
"""Codes of the findings that tell of an expectation."""


def waivers(tx: Tx) -> list[Waiver]:
    """All that were given; the judge knows which of them hold now."""
    return [msgspec.convert(value, Waiver) for value in given(tx).values()]


def given(tx: Tx) -> dict[str, Any]:
    """The same as they are stored, in order: key of the finding that each is about -> waiver."""
    query = sa.select(t.setting).where(t.setting.c.name.startswith(NAME)).order_by(t.setting.c.name)
    return {row["name"].removeprefix(NAME): row["value"] for row in tx.all(query)}


def waive(tx: Tx, ports: Ports, finding: Mapping[str, Any], by: str, reason: str, until: str | None) -> None:
    """The expectation that the finding tells of need not be met by its subject until then. A new word replaces it."""
    params = finding["params"]
    given = Waiver(
        rule=params["rule"],
        expectation=params["expectation"],
        entity=finding["entity"],
        by=by,
        reason=reason,
        until=until,
    )
    tx.upsert(t.setting, [{"name": NAME + finding["key"], "value": msgspec.to_builtins(given)}])
    _move(tx, ports, finding, "waived", "waived", {"by": by, "reason": reason, "until": until})


def withdraw(tx: Tx, ports: Ports, finding: Mapping[str, Any], by: str) -> None:
    """It must be met after all."""
    tx.execute(sa.delete(t.setting).where(t.setting.c.name == NAME + finding["key"]))
    _move(tx, ports, finding, "open", "waiver_withdrawn", {"by": by})


def _move(tx: Tx, ports: Ports, finding: Mapping[str, Any], state: str, code: str, params: dict[str, Any]) -> None:
    tx.execute(sa.update(t.finding).where(t.finding.c.key == finding["key"]).values(state=state))
    about = {name: finding["params"][name] for name in ("rule", "expectation")} | {"finding": finding["id"]}
    line = {"at": ports.now(), "run": None, "code": code, "entity": finding["entity"], "side": None, "field": None}
    tx.insert(t.audit, [line | {"params": about | params}])


def reopen(tx: Tx, keys: set[str]) -> set[str]:
    """Of these findings, whose trouble is there, those that were waived are open again. Returns their keys."""
    query = sa.select(t.finding.c.key).where(t.finding.c.key.startswith("handoff:"), t.finding.c.state == "waived")
    over = {row["key"] for row in tx.all(query)} & keys
    if over:
        tx.execute(sa.update(t.finding).where(t.among(t.finding.c.key, over)).values(state="open"))
    return over
