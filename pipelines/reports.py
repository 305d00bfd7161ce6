"""What people read beside a run, as Markdown: a held plan, open findings, the handoff scorecard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from keepstep.engine.handoffs import Level, scorecard
from keepstep.engine.operations import Operation
from keepstep.engine.told import verdicts_now
from keepstep.hub import Hub
from keepstep.language import say
from keepstep.store import tables as t
from mapping.model import STANDARD, Model

MOST = 200
"""Rows of one table; a page with more is read by nobody."""


class Words:
    """The configured reader: language, zone, and what fields of one's own are called."""

    def __init__(self, language: str, timezone: str, model: Model = STANDARD) -> None:
        self.language = language
        self.zone = ZoneInfo(timezone)
        self._called = model.called(language)

    @classmethod
    def of(cls, hub: Hub) -> Words:
        return cls(hub.config.language, hub.config.timezone, hub.config.model)

    def say(self, code: str, /, **params: Any) -> str:
        return say(code, params, self.language, self.zone, self._called)

    def finding(self, code: str, params: Mapping[str, Any]) -> str:
        """The sentence of a finding; one whose sentence lacks a parameter is shown with what it has."""
        try:
            return say(code, params, self.language, self.zone, self._called)
        except (KeyError, TypeError, ValueError):
            return self.say("finding_unsaid", code=code, params=dict(params))


def plan(hub: Hub, sync: str) -> str | None:
    """What the sync would write and why it is held; None if it would write nothing."""
    found = hub.plan(sync)
    if not found.operations:
        return None
    words = Words.of(hub)
    held = [f"- {words.finding(f'guard_{hold.reason}', {'sync': sync, **hold.params})}" for hold in found.holds]
    columns = ("column_what", "column_side", "column_entity", "column_changes")
    rows = [_operation(words, operation) for operation in found.operations]
    return _page(words, words.say("report_plan", sync=sync), held, columns, rows)


def _operation(words: Words, operation: Operation) -> list[str]:
    changes = [
        words.say("plan_change", field=name, before=planned.was, after=planned.local)
        for name, planned in operation.fields.items()
    ]
    return [words.say(f"operation.{operation.kind}"), operation.side, operation.title, "; ".join(changes)]


def findings(hub: Hub) -> str:
    """Every finding that is open, the gravest and oldest first."""
    words = Words.of(hub)
    with hub.store.read() as tx:
        rows = tx.all(
            sa.select(t.finding)
            .where(t.finding.c.state.in_(("open", "acknowledged")))
            .order_by(t.finding.c.opened_at, t.finding.c.key)
        )
    order = ("critical", "error", "warning", "info")
    rows.sort(key=lambda row: order.index(row["severity"]) if row["severity"] in order else len(order))
    said = [
        [
            words.say(f"severity.{row['severity']}") if row["severity"] in order else row["severity"],
            words.finding(row["code"], row["params"]),
            words.say("report_since", at=row["opened_at"]),
        ]
        for row in rows
    ]
    columns = ("column_severity", "column_finding", "column_since")
    return _page(words, words.say("report_findings"), [], columns, said)


def handoffs(hub: Hub) -> str | None:
    """How each rule in use stands; None if none is in use."""
    if not hub.config.handoffs.use:
        return None
    words = Words.of(hub)
    with hub.store.read() as tx:
        scores = scorecard(verdicts_now(tx, hub.ports, hub.engine.world, hub.config))
    levels = list(Level)
    rows = [[score.rule, *(str(score.counts[level]) for level in levels), str(score.baseline)] for score in scores]
    columns = ("column_rule", *(f"level.{level}" for level in levels), "level.baseline")
    return _page(words, words.say("report_handoffs"), [], columns, rows)


def _page(words: Words, title: str, lines: Iterable[str], columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    said = [f"# {_cell(title)}", "", *lines, ""]
    if rows:
        said += ["| " + " | ".join(words.say(code) for code in columns) + " |", "|---" * len(columns) + "|"]
        said += ["| " + " | ".join(_cell(text) for text in row) + " |" for row in rows[:MOST]]
    else:
        said.append(words.say("report_empty"))
    if len(rows) > MOST:
        said += ["", words.say("report_more", count=len(rows) - MOST)]
    return "\n".join(said) + "\n"


def _cell(text: str) -> str:
    """Text from outside inside a table: on one line, and neither markup nor a link."""
    for mark in "\\`*_[]<>|!":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
