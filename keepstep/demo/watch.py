"""Looks into the store after each round: what was written, what was found, what is settled."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from keepstep.demo.events import Tale
from keepstep.engine.people import People
from keepstep.engine.titles import title
from keepstep.hub import Hub
from keepstep.store import tables as t
from keepstep.store.findings import OPEN
from keepstep.store.store import Tx

VERBS = {"create": "demo_created", "update": "demo_updated", "delete": "demo_deleted", "archive": "demo_archived"}
TOLD = (
    "conflict",
    "handoff_due",
    "handoff_breached",
    "handoff_baseline",
    "assignee_unmatched",
    "gone",
    "key_not_unique",
    "document_misplaced",
)
"""Findings that have a sentence of their own here; others are named by their code."""


class Watch:
    """Remembers what was told already."""

    def __init__(self, hub: Hub, tale: Tale) -> None:
        self._hub = hub
        self._tale = tale
        self._called = hub.config.model.called(hub.config.language)
        self._intents: dict[str, str] = {}
        self._findings: dict[str, str] = {}

    def look(self) -> int:
        """Tell what is new; returns how many writes and findings that was."""
        before = len(self._tale.events)
        with self._hub.store.read() as tx:
            self._writes(tx)
            self._found(tx)
        return len(self._tale.events) - before

    def _writes(self, tx: Tx) -> None:
        for row in tx.all(sa.select(t.intent).order_by(t.intent.c.id)):
            if self._intents.get(row["id"]) == row["state"]:
                continue
            known = self._intents.get(row["id"])
            self._intents[row["id"]] = row["state"]
            about = {"side": row["side"], "title": title(tx, row["entity"]), "kind": _kind(tx, row["entity"])}
            if row["state"] == "unknown":
                self._tale.add("trouble", "demo_unknown", **about)
            elif row["state"] == "refused":
                reason = (row["outcome"] or {}).get("reason")
                self._tale.add("trouble", "demo_refused", **about, reason=reason)
            elif row["state"] == "done" and known == "unknown":
                self._tale.add("settled", "demo_recovered", **about)
            elif row["state"] == "done":
                fields = [self._called.get(name, name) for name in sorted(row["fields"])]
                self._tale.add("write", VERBS[row["kind"]], **about, fields=fields)

    def _found(self, tx: Tx) -> None:
        people = People(tx)
        for row in tx.all(sa.select(t.finding).order_by(t.finding.c.opened_at, t.finding.c.key)):
            state = row["code"] if row["state"] in OPEN else "over"
            known = self._findings.get(row["key"], "over")
            if row["code"].startswith("guard_") or state == known:
                continue
            self._findings[row["key"]] = state
            said = _said(tx, people, row)
            if state == "over":
                about = said["title"] or said.get("side")
                self._tale.add("settled", "demo_settled", finding=said["finding"], title=about)
            else:
                code = f"demo_found_{row['code']}" if row["code"] in TOLD else "demo_found"
                self._tale.add("finding", code, **said)


def _said(tx: Tx, people: People, row: dict[str, Any]) -> dict[str, Any]:
    params = row["params"]
    name = title(tx, row["entity"]) if row["entity"] else None
    said: dict[str, Any] = {"finding": f"finding.{row['code']}", "title": name, "severity": row["severity"]}
    match row["code"]:
        case "conflict":
            said |= {"field": params["field"]}
            said |= {
                "candidates": [
                    {"side": each["side"], "value": each["value"], "by": each["by"], "at": each["at"]}
                    for each in params["candidates"]
                ]
            }
        case "handoff_due" | "handoff_breached":
            owner = params["owner"]
            known = owner if owner not in people.known() else people.name(owner)
            missing = params["missing"]
            said |= {"expectation": f"expectation.{params['expectation']}", "missing": missing}
            said |= {"owner": known, "due": params["due_at"]}
        case "handoff_baseline":
            said |= {"count": params["count"]}
        case "assignee_unmatched":
            said |= {"side": params["side"], "person": params["person"]}
        case "key_not_unique":
            said |= {name: params[name] for name in ("side", "keys", "values")}
        case "document_misplaced":
            said |= {name: params[name] for name in ("title", "place", "folder")}
        case "gone":
            said |= {"side": params["side"]}
    return said


def _kind(tx: Tx, entity: str) -> str | None:
    kind: str | None = tx.scalar(sa.select(t.entity.c.kind).where(t.entity.c.id == entity))
    return kind
