"""The judge: level by level, clock by clock, and what is said once instead of a thousand times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keepstep.engine.handoffs import (
    Calendar,
    Entity,
    Graph,
    Level,
    RuleConfig,
    Setting,
    Severity,
    Verdict,
    Waiver,
    compiled,
    judge,
    scorecard,
)
from mapping.model import Kind

WON = "2026-03-02T08:00:00.000Z"  # a Monday
BEFORE = datetime(2026, 3, 4, 12, tzinfo=UTC)
AFTER = datetime(2026, 3, 4, 20, tzinfo=UTC)
EntityOf = Callable[..., Entity]
RuleOf = Callable[..., RuleConfig]


@pytest.fixture
def project(entity: EntityOf) -> Callable[..., Entity]:
    def build(id: str = "p1", **values: Any) -> Entity:
        defaults = {"name": "Acme shop", "stage": "won", "manager": None, "changed_at": {"stage": WON}}
        return entity(Kind.PROJECT, id, on=("crm.Deals",), **defaults | values)

    return build


@pytest.fixture
def court(since: datetime, calendar: Calendar, setting: Setting) -> Callable[..., list[Verdict]]:
    def sit(
        rules: Sequence[RuleConfig],
        entities: Sequence[Entity],
        now: datetime = AFTER,
        waivers: Sequence[Waiver] = (),
        **changes: Any,
    ) -> list[Verdict]:
        use: dict[str, Any] = {"since": since, "calendar": calendar, "setting": setting} | changes
        return judge(compiled(rules), Graph(entities), now, use["since"], waivers, use["calendar"], use["setting"])

    return sit


Court = Callable[..., list[Verdict]]


@pytest.mark.parametrize(
    ("values", "that", "now", "level", "why"),
    [
        pytest.param({"manager": "ann"}, "subject.manager != null", AFTER, Level.OK, "", id="what is there is ok"),
        pytest.param({}, "subject.manager != null", BEFORE, Level.DUE, "", id="what is not there yet is due"),
        pytest.param({}, "subject.manager != null", AFTER, Level.BREACHED, "", id="and breached after its time"),
        pytest.param(
            {}, "subject.due_date > now", AFTER, Level.CANNOT_BE_JUDGED, "field_absent", id="a field no side has"
        ),
        pytest.param(
            {"due_date": None},
            "subject.due_date > now",
            AFTER,
            Level.CANNOT_BE_JUDGED,
            "not_comparable",
            id="an empty date is neither early nor late",
        ),
        pytest.param(
            {}, "customer.name == 'x'", AFTER, Level.CANNOT_BE_JUDGED, "field_absent", id="a reference no side has"
        ),
        pytest.param(
            {}, "subject.name", AFTER, Level.CANNOT_BE_JUDGED, "not_a_condition", id="an answer that is no condition"
        ),
        pytest.param({}, "1 / 0 == 1", AFTER, Level.CANNOT_BE_JUDGED, "no_answer", id="a division by nothing"),
        pytest.param(
            {"changed_at": {}},
            "subject.manager != null",
            AFTER,
            Level.CANNOT_BE_JUDGED,
            "clock_unknown",
            id="nobody knows when the clock began",
        ),
        pytest.param(
            {"changed_at": {}, "manager": "ann"},
            "subject.manager != null",
            AFTER,
            Level.OK,
            "",
            id="kept needs no clock",
        ),
        pytest.param(
            {"revenue": object()},
            "subject.name != null",
            AFTER,
            Level.CANNOT_BE_JUDGED,
            "value_unreadable",
            id="an unreadable value",
        ),
    ],
)
def test_levels(
    project: EntityOf,
    rule: RuleOf,
    court: Court,
    values: dict[str, Any],
    that: str,
    now: datetime,
    level: Level,
    why: str,
) -> None:
    when = "true" if "revenue" in values else 'subject.stage == "won"'
    verdicts = court([rule(that, when=when)], [project(**values)], now)
    if why == "value_unreadable":
        assert [v.expectation for v in verdicts] == ["when"]
    (verdict,) = verdicts
    assert (verdict.level, verdict.why) == (level, why)


def test_a_breach_says_what_since_when_due_when_and_who(project: EntityOf, rule: RuleOf, court: Court) -> None:
    (verdict,) = court([rule("subject.due_date != null", severity="error")], [project(due_date=None, manager="ann")])
    assert verdict.key == "handoff:a-rule:kept:p1"
    assert verdict.code == "handoff.breached"
    assert (verdict.subject, verdict.title, verdict.missing) == ("p1", "Acme shop", ("kept",))
    assert (verdict.since, verdict.due_at) == (WON, "2026-03-04T17:00:00.000Z")
    assert (verdict.owner_role, verdict.owner, verdict.severity) == ("accountable", "ann", Severity.ERROR)


def test_a_rule_says_nothing_about_subjects_that_it_is_not_about(project: EntityOf, rule: RuleOf, court: Court) -> None:
    assert court([rule()], [project(stage="open")]) == []


def test_a_subject_of_which_nobody_knows_whether_it_counts_cannot_be_judged(
    entity: EntityOf, rule: RuleOf, court: Court
) -> None:
    (verdict,) = court([rule()], [entity(Kind.PROJECT, "p1", on=("crm.Deals",), name="No stage")])
    assert (verdict.key, verdict.level) == ("handoff:a-rule:when:p1", Level.CANNOT_BE_JUDGED)
    assert verdict.params == {"field": "stage"}


@pytest.mark.parametrize(
    ("starts", "began"),
    [
        pytest.param(["changed:stage", "linked"], WON, id="the change comes first where it is known"),
        pytest.param(["changed:due_date", "linked"], "2026-03-02T07:30:00.000Z", id="else the oldest link"),
        pytest.param(
            ["linked:documents", "field:start_date"], "2026-02-28T23:00:00.000Z", id="else a day, from its start"
        ),
    ],
)
def test_the_first_clock_that_is_known_counts(
    project: EntityOf, rule: RuleOf, court: Court, starts: list[str], began: str
) -> None:
    (verdict,) = court([rule(starts=starts)], [project(start_date="2026-03-01")], BEFORE)
    assert verdict.since == began


@pytest.mark.parametrize(
    ("needs", "code"),
    [
        pytest.param({"connections": ["chat"]}, "no_connection", id="a connection"),
        pytest.param({"sides": ["tracker.worklogs"]}, "no_side", id="a side"),
        pytest.param({"roles": ["survey"]}, "no_side_for_role", id="a role that no connected side plays"),
        pytest.param({"fields": ["project.revenue"]}, "no_field", id="a field"),
    ],
)
def test_without_its_source_a_rule_is_not_measured_once_and_not_per_subject(
    project: EntityOf, rule: RuleOf, court: Court, setting: Setting, needs: dict[str, Any], code: str
) -> None:
    known = msgspec.structs.replace(setting, fields={Kind.PROJECT: frozenset({"name", "stage", "manager"})})
    verdicts = court([rule(needs=needs)], [project(f"p{n}") for n in range(50)], setting=known)
    (verdict,) = verdicts
    assert (verdict.key, verdict.code, verdict.level) == (
        "handoff:a-rule:not_measured",
        "handoff.not_measured",
        Level.CANNOT_BE_JUDGED,
    )
    assert [note.code for note in verdict.notes] == [code]
    assert not scorecard(verdicts)[0].measured


def test_an_expectation_without_source_leaves_the_others_measured(
    project: EntityOf, rule: RuleOf, court: Court
) -> None:
    expect = [
        {"id": "survey", "that": "linked.survey", "needs": {"roles": ["survey"]}},
        {"id": "manager", "that": "subject.manager != null"},
    ]
    verdicts = court([rule(expect=expect)], [project()])
    assert [(v.shape, v.missing) for v in verdicts] == [("not_measured", ("survey",)), ("expectation", ("manager",))]
    assert scorecard(verdicts)[0].measured


def test_what_was_late_before_counting_began_is_one_report(project: EntityOf, rule: RuleOf, court: Court) -> None:
    old = [project(f"old{n}") for n in range(3)]
    new = project("new", changed_at={"stage": "2026-05-04T08:00:00.000Z"})
    kept = project("kept", manager="ann")
    verdicts = court(
        [rule()], [*old, new, kept], datetime(2026, 6, 1, tzinfo=UTC), since=datetime(2026, 5, 1, tzinfo=UTC)
    )
    assert [(v.shape, v.subject, v.level) for v in verdicts] == [
        ("expectation", "kept", Level.OK),
        ("expectation", "new", Level.BREACHED),
        ("baseline", None, Level.BREACHED),
    ]
    report = verdicts[-1]
    assert (report.key, report.code) == ("handoff:baseline", "handoff.baseline")
    assert (report.params["count"], report.params["subjects"]) == (3, ["old0", "old1", "old2"])
    assert scorecard(verdicts)[0].baseline == 3


def test_what_was_only_first_seen_before_counting_began_belongs_to_the_report(
    project: EntityOf, rule: RuleOf, court: Court
) -> None:
    # Linked on 2 March, counting since an hour later: how long it had been won nobody knows.
    verdicts = court(
        [rule(starts=["changed:stage", "linked"])],
        [project(changed_at={})],
        since=datetime(2026, 3, 2, 9, tzinfo=UTC),
    )
    assert [v.shape for v in verdicts] == ["baseline"]


def test_what_was_won_before_and_became_late_since_is_a_breach(project: EntityOf, rule: RuleOf, court: Court) -> None:
    verdicts = court([rule()], [project()], since=datetime(2026, 3, 2, 9, tzinfo=UTC))
    assert [(v.shape, v.level) for v in verdicts] == [("expectation", Level.BREACHED)]


def test_before_the_first_applied_plan_everything_late_is_baseline(
    project: EntityOf, rule: RuleOf, court: Court
) -> None:
    assert [v.shape for v in court([rule()], [project()], since=None)] == ["baseline"]


@pytest.mark.parametrize(
    ("waiver", "level"),
    [
        pytest.param({"expectation": "kept"}, Level.WAIVED, id="for this expectation"),
        pytest.param({}, Level.WAIVED, id="for the whole rule"),
        pytest.param({"expectation": "other"}, Level.BREACHED, id="for another expectation"),
        pytest.param({"entity": "p2"}, Level.BREACHED, id="for another project"),
        pytest.param({"until": "2026-03-04"}, Level.WAIVED, id="until today: a day is meant whole"),
        pytest.param({"until": "2026-03-03"}, Level.BREACHED, id="until yesterday"),
        pytest.param({"until": "2026-03-04T19:00:00.000Z"}, Level.BREACHED, id="until an hour ago"),
    ],
)
def test_waivers(project: EntityOf, rule: RuleOf, court: Court, waiver: dict[str, str], level: Level) -> None:
    given = Waiver(**{"rule": "a-rule", "entity": "p1", "by": "ann", "reason": "small deal"} | waiver)
    (verdict,) = court([rule()], [project()], waivers=[given])
    assert verdict.level is level
    if level is Level.WAIVED:
        assert verdict.params["by"] == "ann"
        assert verdict.params["reason"] == "small deal"


def test_of_two_waivers_the_longer_holds(project: EntityOf, rule: RuleOf, court: Court) -> None:
    short = Waiver(rule="a-rule", entity="p1", by="ann", reason="x", until="2026-03-05")
    long = Waiver(rule="a-rule", entity="p1", by="bob", reason="y")
    for order in ([short, long], [long, short]):
        assert court([rule()], [project()], waivers=order)[0].params["by"] == "bob"


def test_what_is_kept_is_ok_even_if_waived(project: EntityOf, rule: RuleOf, court: Court) -> None:
    waiver = Waiver(rule="a-rule", entity="p1", by="ann", reason="x")
    assert court([rule()], [project(manager="bob")], waivers=[waiver])[0].level is Level.OK


def test_a_deadline_in_a_year_not_yet_announced_is_due_and_then_cannot_be_judged_and_at_last_breached(
    project: EntityOf, rule: RuleOf, court: Court
) -> None:
    china = Calendar(country="CN", timezone="Asia/Shanghai")
    entity = project(changed_at={"stage": "2039-12-30T02:00:00.000Z"})  # a Friday
    seen = []
    for now in ("2039-12-31T02:00", "2040-01-02T02:00", "2040-01-03T11:00", "2040-06-01T00:00"):
        (verdict,) = court([rule()], [entity], datetime.fromisoformat(now).replace(tzinfo=UTC), calendar=china)
        seen.append(verdict.level)
        assert verdict.notes[0].params == {"years": [2039, 2040]}
    assert seen == [Level.DUE, Level.CANNOT_BE_JUDGED, Level.CANNOT_BE_JUDGED, Level.BREACHED]


def test_counting_working_days_over_an_unannounced_year_is_no_answer(
    project: EntityOf, rule: RuleOf, court: Court
) -> None:
    china = Calendar(country="CN", timezone="Asia/Shanghai")
    counting = rule("working_days(subject.start_date, now) < 5")
    (near,) = court([counting], [project(start_date="2026-03-02")], calendar=china)
    assert near.level is Level.OK
    far, other = court(
        [counting, rule("subject.start_date < now", id="b-rule")],
        [project(start_date="2039-03-02")],
        datetime(2039, 3, 4, tzinfo=UTC),
        calendar=china,
    )
    assert (far.level, far.why) == (Level.CANNOT_BE_JUDGED, "calendar_unknown_year")
    assert other.level is Level.OK


@pytest.mark.parametrize(
    ("that", "holds"),
    [
        pytest.param("now - subject.start_date > days(2)", True, id="days"),
        pytest.param("now - subject.start_date > hours(24 * 30)", False, id="hours"),
        pytest.param("tasks.exists(t, 'x' in t.labels)", True, id="labels of the project's tasks"),
        pytest.param("customer.name == 'Acme'", True, id="the customer it names"),
        pytest.param("documents.exists(d, d.category == 'plan')", True, id="a document takes its folder's category"),
        pytest.param("links.exists(l, l.side == 'crm.Deals')", True, id="sides"),
        pytest.param("linked.work || linked.documents", False, id="what sides are for"),
        pytest.param("roles.accountable == 'eva'", True, id="a role assigned in Keepstep"),
        pytest.param("since < now && size(categories) == 2", True, id="the setting"),
    ],
)
def test_what_a_rule_can_ask(
    project: EntityOf, entity: EntityOf, rule: RuleOf, court: Court, that: str, holds: bool
) -> None:
    world = [
        project(start_date="2026-03-01", customer="c1", roles={"accountable": "eva"}),
        entity(Kind.CUSTOMER, "c1", name="Acme"),
        entity(Kind.TASK, "t1", project="p1", title="Do", labels=["x"]),
        entity(Kind.FOLDER, "f1", project="p1", name="Plans", category="plan"),
        entity(Kind.DOCUMENT, "d1", folder="f1", title="Plan.pdf"),
    ]
    (verdict,) = court([rule(that)], world)
    assert (verdict.level is Level.OK) is holds
    assert verdict.level is not Level.CANNOT_BE_JUDGED


def test_the_owner_is_sought_upwards(entity: EntityOf, rule: RuleOf, court: Court) -> None:
    world = [
        entity(Kind.PROJECT, "p1", name="P", manager="ann"),
        entity(Kind.FEEDBACK, "f1", on=("crm.Cases",), project="p1", title="Slow", created="2026-03-02T08:00:00.000Z"),
    ]
    own = rule("false", subject="feedback", when="true", starts=["field:created"], within="4h")
    (verdict,) = court([own], world)
    assert (verdict.owner, verdict.due_at) == ("ann", "2026-03-02T12:00:00.000Z")


def test_times_without_a_zone_are_refused(court: Court, rule: RuleOf) -> None:
    with pytest.raises(ValueError, match="without a zone"):
        court([rule()], [], datetime(2026, 3, 4))


def test_lists_are_asked_in_the_order_of_their_ids(
    project: EntityOf, entity: EntityOf, rule: RuleOf, court: Court
) -> None:
    dated = entity(Kind.MILESTONE, "m1", project="p1", title="A", due_date="2026-04-01")
    undated = entity(Kind.MILESTONE, "m2", project="p1", title="B")
    for order in ([dated, undated], [undated, dated]):
        (verdict,) = court([rule("milestones.exists(m, m.due_date != null)")], [project(), *order])
        assert verdict.level is Level.OK


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_the_order_in_which_entities_and_rules_come_changes_nothing(
    project: EntityOf, entity: EntityOf, rule: RuleOf, court: Court, data: st.DataObject
) -> None:
    stage = st.sampled_from(("won", "open", None))
    world: list[Entity] = []
    for n in range(data.draw(st.integers(1, 6))):
        stages = {} if data.draw(st.booleans()) else {"stage": WON}
        world.append(project(f"p{n}", stage=data.draw(stage), changed_at=stages))
        dated = {"due_date": data.draw(st.sampled_from(("2026-04-01", None)))} if data.draw(st.booleans()) else {}
        world.append(entity(Kind.MILESTONE, f"m{n}", project=f"p{n % 2}", title="Kickoff", **dated))
    rules = [rule("milestones.exists(m, m.due_date != null)"), rule(id="b-rule", starts=["linked"])]
    waivers = [Waiver(rule="b-rule", entity="p0", by="ann", reason="x")]
    straight = court(rules, world, waivers=waivers)
    shuffled = court(data.draw(st.permutations(rules)), data.draw(st.permutations(world)), waivers=waivers)
    assert shuffled == straight
    assert len({verdict.key for verdict in straight}) == len(straight)
