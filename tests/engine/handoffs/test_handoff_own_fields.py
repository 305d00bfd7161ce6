"""Rules over fields of a configuration's own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest

from keepstep.engine.handoffs import Calendar, Entity, Graph, Level, RuleConfig, RulesInvalid, Setting, compiled, judge
from mapping.model import Form, Kind, Model, OwnField

MODEL = Model(
    {
        Kind.PROJECT: {
            "service_level": OwnField(form=Form.CHOICE, classes=("silver", "gold")),
            "go_live": OwnField(form=Form.DATE),
            "hours_sold": OwnField(form=Form.NUMBER),
        }
    }
)
NOW = datetime(2026, 3, 4, 20, tzinfo=UTC)


def of_gold(rule: Callable[..., RuleConfig]) -> RuleConfig:
    """Who bought gold goes live after that was agreed on, with hours to spare."""
    return rule(
        when='subject.service_level == "gold"',
        that="subject.go_live > now && subject.hours_sold > 10",
        starts=["field:go_live"],
        needs={"fields": ["project.go_live"]},
    )


def test_a_rule_may_name_them_only_where_they_are_declared(rule: Callable[..., RuleConfig]) -> None:
    assert compiled([of_gold(rule)], MODEL)[0].kind is Kind.PROJECT
    with pytest.raises(RulesInvalid) as caught:
        compiled([of_gold(rule)])
    assert {problem.code for problem in caught.value.problems} == {"unknown_field"}
    with pytest.raises(RulesInvalid) as caught:
        compiled([rule(starts=["field:hours_sold"])], MODEL)
    assert [problem.code for problem in caught.value.problems] == ["not_a_date"]


@pytest.mark.parametrize(
    ("values", "level"),
    [
        ({"service_level": "gold", "go_live": "2026-03-20", "hours_sold": 12}, Level.OK),
        ({"service_level": "gold", "go_live": "2026-02-01", "hours_sold": 12}, Level.BREACHED),
        ({"service_level": "gold", "go_live": "2026-03-20", "hours_sold": 3.5}, Level.DUE),
        ({"service_level": "gold", "go_live": "2026-03-20"}, Level.CANNOT_BE_JUDGED),
        ({"service_level": "silver"}, None),
    ],
    ids=["kept", "late", "too few hours", "a field no side has", "another level"],
)
def test_they_are_judged_as_any_other(
    rule: Callable[..., RuleConfig],
    entity: Callable[..., Entity],
    setting: Setting,
    calendar: Calendar,
    values: dict[str, object],
    level: Level | None,
) -> None:
    project = entity(Kind.PROJECT, "p1", on=("crm.Deals",), name="Shop", stage="won", **values)
    known = msgspec.structs.replace(setting, model=MODEL)
    since = datetime(2026, 1, 5, tzinfo=UTC)
    verdicts = judge(compiled([of_gold(rule)], MODEL), Graph([project]), NOW, since, [], calendar, known)
    assert [verdict.level for verdict in verdicts] == ([level] if level else [])
