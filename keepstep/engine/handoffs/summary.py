"""Verdicts about rules rather than subjects, and the scorecard."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec

from connectors.base import utc
from keepstep.engine.handoffs.rules import Rule
from keepstep.engine.handoffs.verdict import Level, Note, Severity, Verdict

BASELINE_KEY: Final = "handoff:baseline"


def not_measured(rule: Rule, lacking: Sequence[Note], per: Mapping[str, Sequence[Note]]) -> Verdict:
    """One verdict for a rule that cannot be measured, in whole or in the named expectations, and what it lacks."""
    lacks: list[Note] = []
    for note in [*lacking, *(note for notes in per.values() for note in notes)]:
        if note not in lacks:
            lacks.append(note)
    unmeasured = [each.id for each in rule.expectations if lacking or per[each.id]]
    return Verdict(
        key=f"handoff:{rule.id}:not_measured",
        shape="not_measured",
        level=Level.CANNOT_BE_JUDGED,
        rule=rule.id,
        expectation="",
        missing=tuple(unmeasured),
        owner_role=rule.owner,
        severity=Severity.INFO,
        why="not_measured",
        params={"expectations": unmeasured, "whole": len(unmeasured) == len(rule.expectations)},
        notes=tuple(lacks),
    )


def baseline(late: Sequence[Verdict], since: datetime) -> Verdict:
    """One verdict for all that was already breached when handoffs began to count."""
    ordered = sorted(late, key=lambda verdict: verdict.key)
    subjects = sorted({verdict.subject for verdict in ordered if verdict.subject})
    return Verdict(
        key=BASELINE_KEY,
        shape="baseline",
        level=Level.BREACHED,
        rule="",
        expectation="",
        since=utc(since),
        owner_role="accountable",
        severity=Severity.INFO,
        why="late_before_since",
        params={
            "count": len(ordered),
            "subjects": subjects,
            "items": [
                {
                    "rule": verdict.rule,
                    "expectation": verdict.expectation,
                    "subject": verdict.subject,
                    "title": verdict.title,
                    "missing": list(verdict.missing),
                    "due_at": verdict.due_at,
                }
                for verdict in ordered
            ],
        },
    )


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How a rule stands."""

    rule: str
    counts: Mapping[Level, int]
    """Verdicts about subjects, by level; every level is there."""
    measured: bool
    """False when nothing of the rule can be measured."""
    baseline: int = 0
    """What was late before handoffs began to count, and still is."""
    oldest_breach: str | None = None
    """When the oldest breach that counts became due."""
    oldest_key: str | None = None


def scorecard(verdicts: Iterable[Verdict]) -> list[Score]:
    """One row per rule that has any verdict, by rule id."""
    listed = list(verdicts)
    past = [item["rule"] for each in listed if each.shape == "baseline" for item in each.params["items"]]
    rules = sorted({each.rule for each in listed if each.rule} | set(past))
    scores: list[Score] = []
    for rule in rules:
        mine = [each for each in listed if each.rule == rule]
        about = [each for each in mine if each.shape == "expectation"]
        breaches = [(each.due_at, each.key) for each in about if each.level is Level.BREACHED and each.due_at]
        oldest = min(breaches, default=(None, None))
        scores.append(
            Score(
                rule=rule,
                counts={level: sum(each.level is level for each in about) for level in Level},
                measured=not any(each.shape == "not_measured" and each.params["whole"] for each in mine),
                baseline=past.count(rule),
                oldest_breach=oldest[0],
                oldest_key=oldest[1],
            )
        )
    return scores
