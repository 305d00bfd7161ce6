"""What grows while nobody acts, and the scorecard."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from keepstep.engine.handoffs import (
    DEFAULT_STEPS,
    Calendar,
    Entity,
    Graph,
    Level,
    RuleConfig,
    Setting,
    Severity,
    Verdict,
    compiled,
    judge,
    scorecard,
)
from keepstep.engine.handoffs.escalation import standing
from mapping.model import Kind

PLAIN = Calendar()
STARTED = datetime(2026, 3, 2, 8, tzinfo=UTC)
DUE = datetime(2026, 3, 4, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("level", "now", "step", "severity", "tell"),
    [
        pytest.param(Level.DUE, "2026-03-03T08:00", 1, Severity.INFO, ("owner",), id="due is said to the owner"),
        pytest.param(Level.BREACHED, "2026-03-04T18:01", 2, Severity.WARNING, ("owner",), id="breached is graver"),
        pytest.param(Level.BREACHED, "2026-03-09T17:00", 2, Severity.WARNING, ("owner",), id="a weekend is no delay"),
        pytest.param(
            Level.BREACHED,
            "2026-03-09T18:00",
            3,
            Severity.ERROR,
            ("owner", "accountable"),
            id="three working days later",
        ),
        pytest.param(
            Level.BREACHED,
            "2026-04-30T18:00",
            4,
            Severity.CRITICAL,
            ("owner", "accountable", "account_manager"),
            id="after ten it is critical",
        ),
        pytest.param(Level.OK, "2026-04-30T18:00", 0, Severity.WARNING, (), id="what is kept stands nowhere"),
    ],
)
def test_default_steps(level: Level, now: str, step: int, severity: Severity, tell: tuple[str, ...]) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    reached = standing(DEFAULT_STEPS, level, Severity.WARNING, STARTED, DUE, moment, PLAIN)
    assert (reached.step, reached.severity, reached.tell) == (step, severity, tell)


def test_severity_never_falls_and_steps_never_go_back_while_a_breach_lasts() -> None:
    seen = [
        standing(DEFAULT_STEPS, Level.BREACHED, Severity.ERROR, STARTED, DUE, DUE + timedelta(hours=7 * n), PLAIN)
        for n in range(80)
    ]
    order = list(Severity)
    assert [one.step for one in seen] == sorted(one.step for one in seen)
    assert [order.index(one.severity) for one in seen] == sorted(order.index(one.severity) for one in seen)


def test_a_step_in_a_year_not_yet_announced_is_noted() -> None:
    china = Calendar(country="CN", timezone="Asia/Shanghai")
    due = datetime(2040, 3, 5, tzinfo=UTC)
    reached = standing(DEFAULT_STEPS, Level.BREACHED, Severity.WARNING, due, due, due, china)
    assert [note.params for note in reached.notes] == [{"years": [2040]}]


@pytest.fixture
def verdicts(
    entity: Callable[..., Entity], rule: Callable[..., RuleConfig], calendar: Calendar, setting: Setting
) -> list[Verdict]:
    def project(id: str, won: str, **values: Any) -> Entity:
        return entity(Kind.PROJECT, id, stage="won", changed_at={"stage": won}, **values)

    escalate = [
        {"when": "breached", "after": 1, "raise_by": 1, "tell": ["boss", "owner"]},
        {"when": "breached", "tell": ["owner"]},
    ]
    return judge(
        compiled([rule(escalate=escalate, owner="planner"), rule(id="b-rule", needs={"connections": ["chat"]})]),
        Graph(
            [
                project("late", "2026-03-09T08:00:00.000Z", manager=None),
                project("later", "2026-03-02T08:00:00.000Z", manager=None),
                project("fine", "2026-03-02T08:00:00.000Z", manager="ann"),
                project("odd", "2026-03-02T08:00:00.000Z"),
                project("old", "2026-01-12T08:00:00.000Z", manager=None),
                project("new", "2026-03-11T08:00:00.000Z", manager=None),
            ]
        ),
        datetime(2026, 3, 12, 8, tzinfo=UTC),
        datetime(2026, 2, 1, tzinfo=UTC),
        [],
        calendar,
        setting,
    )


def test_a_rules_own_steps_count_in_their_order_and_name_the_owner_by_role(verdicts: list[Verdict]) -> None:
    by = {verdict.subject: verdict for verdict in verdicts}
    assert (by["late"].step, by["late"].severity, by["late"].tell) == (1, Severity.WARNING, ("planner",))
    assert (by["later"].step, by["later"].severity, by["later"].tell) == (2, Severity.ERROR, ("boss", "planner"))
    assert (by["new"].step, by["new"].tell) == (0, ())


def test_the_scorecard_counts_each_level_and_finds_the_oldest_breach(verdicts: list[Verdict]) -> None:
    first, second = scorecard(verdicts)
    assert first.rule == "a-rule"
    assert first.counts == {
        Level.OK: 1,
        Level.DUE: 1,
        Level.BREACHED: 2,
        Level.WAIVED: 0,
        Level.CANNOT_BE_JUDGED: 1,
    }
    assert (first.oldest_breach, first.oldest_key) == ("2026-03-04T17:00:00.000Z", "handoff:a-rule:kept:later")
    assert (first.measured, first.baseline) == (True, 1)
    assert (second.rule, second.measured, second.oldest_breach) == ("b-rule", False, None)
