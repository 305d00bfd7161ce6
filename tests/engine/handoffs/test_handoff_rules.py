"""Rules are checked when they are loaded: every mistake, with its place and the nearest right name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from keepstep.engine.handoffs import SHIPPED, RuleConfig, RulesInvalid, Severity, compiled, shipped

Build = Callable[..., RuleConfig]


@pytest.mark.parametrize(
    ("change", "part", "code", "nearest"),
    [
        pytest.param({"when": "subject.stage =="}, "when", "cel_syntax", None, id="an expression that does not parse"),
        pytest.param({"when": "subject.stge == 'won'"}, "when", "unknown_field", "stage", id="a field misspelt"),
        pytest.param({"when": "taks.size() > 0"}, "when", "unknown_variable", "tasks", id="a variable misspelt"),
        pytest.param({"when": "parent != null"}, "when", "unknown_variable", None, id="a reference projects lack"),
        pytest.param({"when": "dais(2) < days(3)"}, "when", "unknown_function", "days", id="a function misspelt"),
        pytest.param({"starts": ["changed:stag"]}, "starts", "unknown_field", "stage", id="a clock on no field"),
        pytest.param({"starts": ["field:name"]}, "starts", "not_a_date", None, id="a clock on a field that is no date"),
        pytest.param({"needs": {"fields": ["project.stag"]}}, "needs", "unknown_field", "stage", id="needs no field"),
        pytest.param({"needs": {"fields": ["projct.x"]}}, "needs", "unknown_kind", "project", id="needs no kind"),
        pytest.param(
            {"expect": [{"id": "x", "that": "true"}, {"id": "x", "that": "true"}]},
            "expect.x",
            "duplicate_expectation",
            None,
            id="two expectations of one name",
        ),
        pytest.param(
            {"expect": [{"id": "x", "that": "true", "missing": "["}]},
            "expect.x.missing",
            "cel_syntax",
            None,
            id="a list of what is missing that does not parse",
        ),
    ],
)
def test_a_mistake_names_rule_part_and_cure(
    rule: Build, change: dict[str, object], part: str, code: str, nearest: str | None
) -> None:
    with pytest.raises(RulesInvalid) as caught:
        compiled([rule(**change)])
    (problem,) = caught.value.problems
    assert (problem.rule, problem.part, problem.code, problem.nearest) == ("a-rule", part, code, nearest)
    assert str(problem).startswith(f"rule a-rule, {part}: {code}")


def test_all_mistakes_are_told_at_once(rule: Build) -> None:
    with pytest.raises(RulesInvalid) as caught:
        compiled([rule(when="subject.stge == 1"), rule(that="1 +", id="b-rule"), rule()])
    assert [(p.rule, p.code) for p in caught.value.problems] == [
        ("a-rule", "unknown_field"),
        ("b-rule", "cel_syntax"),
        ("a-rule", "duplicate_rule"),
    ]


def test_names_inside_text_and_macros_are_no_mistakes(rule: Build) -> None:
    (one,) = compiled([rule(when="tasks.exists(each, each.title == 'subject.nothing')")])
    assert one.variables == {"tasks", "subject"}


def test_an_expectation_takes_what_it_does_not_say_from_its_rule(rule: Build) -> None:
    expect = [
        {"id": "a", "that": "true"},
        {"id": "b", "that": "true", "within": "4h", "owner": "x", "severity": "info"},
    ]
    (one,) = compiled([rule(expect=expect, owner="boss", severity="error")])
    first, second = one.expectations
    assert (first.days, first.hours, first.owner, first.severity) == (2, None, "boss", Severity.ERROR)
    assert (second.days, second.hours, second.owner, second.severity) == (None, 4, "x", Severity.INFO)
    assert first.starts == second.starts == ("changed:stage",)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"within": "2 days"}, id="a duration in words"),
        pytest.param({"starts": []}, id="no clock"),
        pytest.param({"starts": ["sometime"]}, id="a clock nobody knows"),
        pytest.param({"expect": []}, id="nothing expected"),
        pytest.param({"subject": "deal"}, id="a system's word for a kind"),
        pytest.param({"id": "A Rule"}, id="a name with spaces"),
        pytest.param({"grace": 3}, id="an unknown key"),
        pytest.param({"when": "(" * 3000}, id="an expression of absurd length"),
    ],
)
def test_a_form_that_is_none_is_refused(rule: Build, wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        rule(**wrong)


def test_every_shipped_rule_compiles_under_its_own_name() -> None:
    assert [rule.id for rule in compiled(shipped(SHIPPED))] == list(SHIPPED)


def test_a_shipped_rule_that_there_is_not_is_named_with_the_nearest() -> None:
    with pytest.raises(RulesInvalid) as caught:
        shipped(["won-deals-start"])
    assert caught.value.problems[0].nearest == "won-deal-starts"


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("subject.tage()[]{}'\"&|=<>!?:,1 n\\\n+-*/%has"), min_size=1, max_size=60))
def test_whatever_is_written_loads_or_is_refused_in_our_own_words(text: str) -> None:
    try:
        config = RuleConfig.model_validate(
            {
                "id": "r",
                "subject": "project",
                "when": text,
                "within": "1d",
                "starts": ["linked"],
                "expect": [{"id": "e", "that": "true"}],
            }
        )
    except ValidationError:
        return
    try:
        compiled([config])
    except RulesInvalid as error:
        problems = error.problems
    else:
        problems = ()
    assert {(problem.rule, problem.part) for problem in problems} <= {("r", "when")}
