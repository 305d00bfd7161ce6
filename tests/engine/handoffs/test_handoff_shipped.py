"""``won-deal-starts``, told as the story of one deal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest

from keepstep.engine.handoffs import Calendar, Entity, Graph, Level, Setting, Verdict, compiled, judge, shipped
from keepstep.engine.handoffs.shipped import SHIPPED
from keepstep.engine.handoffs.vocabulary import LISTS
from keepstep.engine.told import JUDGED
from mapping.model import Kind

WON = "2026-03-02T08:00:00.000Z"
DUE = datetime(2026, 3, 4, 12, tzinfo=UTC)
LATE = datetime(2026, 3, 5, 12, tzinfo=UTC)
ALL = {"accountable-person", "category-folders", "kickoff-dated", "project-folder", "tracker-record"}
EntityOf = Callable[..., Entity]
Story = Callable[..., dict[str, Verdict]]


@pytest.fixture
def story(calendar: Calendar, setting: Setting, since: datetime) -> Story:
    """The verdicts on the deal by expectation."""

    def judged(*entities: Entity, now: datetime = LATE, setting: Setting = setting) -> dict[str, Verdict]:
        verdicts = judge(compiled(shipped(["won-deal-starts"])), Graph(entities), now, since, [], calendar, setting)
        return {verdict.expectation: verdict for verdict in verdicts if verdict.shape == "expectation"}

    return judged


@pytest.fixture
def deal(entity: EntityOf) -> EntityOf:
    def build(on: tuple[str, ...] = ("crm.Deals",), **values: object) -> Entity:
        return entity(
            Kind.PROJECT, "p1", on=on, **{"stage": "won", "manager": None, "changed_at": {"stage": WON}} | values
        )

    return build


def test_an_open_deal_is_expected_to_have_nothing(deal: EntityOf, story: Story) -> None:
    assert story(deal(stage="open")) == {}


def test_a_deal_just_won_has_two_working_days_for_everything(deal: EntityOf, story: Story) -> None:
    verdicts = story(deal(), now=DUE)
    assert {name: verdict.level for name, verdict in verdicts.items()} == dict.fromkeys(ALL, Level.DUE)
    assert {verdict.due_at for verdict in verdicts.values()} == {"2026-03-04T17:00:00.000Z"}


def test_after_two_working_days_each_missing_thing_is_breached_by_itself(deal: EntityOf, story: Story) -> None:
    verdicts = story(deal(on=("crm.Deals", "tracker.epics"), manager="ann"))
    assert {name for name, verdict in verdicts.items() if verdict.level is Level.OK} == {
        "tracker-record",
        "accountable-person",
    }
    assert {name for name, verdict in verdicts.items() if verdict.level is Level.BREACHED} == {
        "category-folders",
        "kickoff-dated",
        "project-folder",
    }


def test_without_a_known_change_the_clock_starts_when_the_deal_was_first_seen(deal: EntityOf, story: Story) -> None:
    assert story(deal(changed_at={}))["tracker-record"].since == "2026-03-02T07:30:00.000Z"


def test_a_project_that_was_started_properly_is_ok(deal: EntityOf, entity: EntityOf, story: Story) -> None:
    verdicts = story(
        deal(on=("crm.Deals", "tracker.epics", "files.project_folders"), manager="ann"),
        entity(Kind.FOLDER, "f1", project="p1", name="Plan", category="plan"),
        entity(Kind.FOLDER, "f2", project="p1", name="Design", category="design"),
        entity(Kind.MILESTONE, "m1", project="p1", title="Kickoff", due_date="2026-03-09"),
    )
    assert {name: verdict.level for name, verdict in verdicts.items()} == dict.fromkeys(ALL, Level.OK)


def test_category_folders_that_are_missing_are_named(deal: EntityOf, entity: EntityOf, story: Story) -> None:
    verdicts = story(
        deal(),
        entity(Kind.FOLDER, "f1", project="p1", name="Plan", category="plan"),
        entity(Kind.FOLDER, "f2", project="p1", name="Something else"),
        entity(Kind.FOLDER, "f3", project="p2", name="Another project's", category="design"),
    )
    assert verdicts["category-folders"].missing == ("design",)


@pytest.mark.parametrize(
    ("kind", "values", "level"),
    [
        pytest.param(
            Kind.MILESTONE, {"title": "Kick-off with Acme", "due_date": "2026-03-09"}, Level.OK, id="by title"
        ),
        pytest.param(Kind.MILESTONE, {"title": "项目启动会", "due_date": "2026-03-09"}, Level.OK, id="in Chinese"),
        pytest.param(
            Kind.TASK,
            {"title": "Meet", "labels": ["Kickoff"], "due_date": "2026-03-09"},
            Level.OK,
            id="a task by label",
        ),
        pytest.param(
            Kind.TASK, {"title": "会议", "labels": ["启动"], "due_date": "2026-03-09"}, Level.OK, id="a task by 启动"
        ),
        pytest.param(
            Kind.MILESTONE,
            {"title": "Go live", "due_date": "2026-03-09"},
            Level.BREACHED,
            id="another milestone is none",
        ),
        pytest.param(
            Kind.MILESTONE, {"title": "Kickoff", "due_date": None}, Level.BREACHED, id="no date is no kickoff"
        ),
        pytest.param(
            Kind.MILESTONE, {"title": "Kickoff"}, Level.CANNOT_BE_JUDGED, id="where no side has dates nobody can say"
        ),
        pytest.param(
            Kind.TASK,
            {"title": "Kickoff", "due_date": "2026-03-09", "status": "cancelled"},
            Level.BREACHED,
            id="a cancelled one is none",
        ),
        pytest.param(
            Kind.TASK,
            {"title": "Kickoff", "due_date": "2026-03-09", "archived": True},
            Level.BREACHED,
            id="nor is an archived one",
        ),
    ],
)
def test_what_counts_as_a_kickoff(
    deal: EntityOf, entity: EntityOf, story: Story, kind: Kind, values: dict[str, object], level: Level
) -> None:
    assert story(deal(), entity(kind, "k1", project="p1", **values))["kickoff-dated"].level is level


def test_one_dated_kickoff_suffices_whatever_the_others_lack(deal: EntityOf, entity: EntityOf, story: Story) -> None:
    undated = entity(Kind.MILESTONE, "k1", project="p1", title="Kickoff")
    dated = entity(Kind.MILESTONE, "k2", project="p1", title="Kickoff", due_date="2026-03-09")
    assert story(deal(), undated, dated)["kickoff-dated"].level is Level.OK


def test_an_accountable_person_may_be_assigned_in_keepstep_itself(deal: EntityOf, story: Story) -> None:
    verdict = story(deal(roles={"accountable": "eva"}))["accountable-person"]
    assert (verdict.level, verdict.owner_role) == (Level.OK, "account_manager")


def test_the_account_manager_is_asked_for_the_missing_person(deal: EntityOf, entity: EntityOf, story: Story) -> None:
    customer = entity(Kind.CUSTOMER, "c1", name="Acme", account_manager="carl")
    assert story(deal(customer="c1"), customer)["accountable-person"].owner == "carl"


def test_without_a_document_store_only_the_folders_are_not_measured(
    deal: EntityOf, story: Story, setting: Setting
) -> None:
    crm_and_tracker = msgspec.structs.replace(setting, sides=frozenset({"crm.Deals", "tracker.epics"}))
    assert set(story(deal(), setting=crm_and_tracker)) == ALL - {"project-folder", "category-folders"}


def test_no_shipped_rule_asks_for_what_is_left_out_of_the_graph() -> None:
    left_out = [name for name, kind in LISTS.items() if kind not in JUDGED]
    assert left_out == ["comments"]
    assert not [id for id, rule in SHIPPED.items() if any(name in repr(rule) for name in left_out)]
