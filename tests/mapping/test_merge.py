"""The decision table of the merge, row by row, each row a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from keepstep.engine.world import finer_date, same_date
from mapping.agreement import AGREED, UNSURE, Agreed, Candidate, Conflict, Decision, Equality, Merge, Note, Rule, View
from mapping.merge import merge
from mapping.pairs import as_day

NOW = "2026-11-02T09:00:00.000Z"
NINE, TEN, NOON = ("2026-11-02T09:00:00.000Z", "2026-11-02T10:00:00.000Z", "2026-11-02T12:00:00.000Z")
AGREED_A = Agreed("A", 3, "one", NINE)
ZONE = ZoneInfo("Asia/Shanghai")


def side(name: str, cur: Any, shadow: Any, shows: int, at: str | None = None, by: str | None = None) -> View:
    return View(side=name, cur=cur, shadow=shadow, shows=shows, at=at, by=by)


def level(name: str, cur: Any, at: str | None = None) -> View:
    """A side that had the agreed value A."""
    return side(name, cur, "A", 3, at)


def following(name: str, cur: Any, shadow: Any = "A", shows: int = 3) -> View:
    """A side that only receives."""
    return View(side=name, cur=cur, shadow=shadow, shows=shows, follows=True)


def behind(name: str, cur: Any, at: str | None = None) -> View:
    """A side that still stands for an older version, which was O."""
    return side(name, cur, "O", 2, at)


def decide(
    views: Sequence[View],
    agreed: Agreed = AGREED_A,
    conflict: Conflict | None = None,
    rule: Rule | None = None,
    equality: Equality | None = None,
    in_doubt: bool = False,
) -> Merge:
    return merge(agreed, views, conflict, rule or Rule(), equality or Equality(), NOW, in_doubt)


def standing(result: Merge) -> tuple[Any, int]:
    return result.agreed.value, result.agreed.n


TABLE = [
    pytest.param(
        [level("one", "A"), level("two", "A")], ("A", 3), {}, None, id="A5 nobody changed anything: nothing happens"
    ),
    pytest.param(
        [behind("one", "A"), level("two", "A")],
        ("A", 3),
        {"one": ("A", 3)},
        None,
        id="A6 a side comes to show the agreed value by itself: it has caught up",
    ),
    pytest.param(
        [behind("one", "A"), level("two", "B")],
        ("B", 4),
        {"one": ("A", 3), "two": ("B", 4)},
        None,
        id="A6 one side catches up while another moves on: the first is owed the new value",
    ),
    pytest.param(
        [level("one", "B"), level("two", "A")],
        ("B", 4),
        {"one": ("B", 4)},
        None,
        id="A7 one side at the agreed version changes: its value is agreed, the other is owed",
    ),
    pytest.param(
        [level("one", None), level("two", "A")],
        (None, 4),
        {"one": (None, 4)},
        None,
        id="A7 clearing a field is a change like any other",
    ),
    pytest.param(
        [level("one", "B"), level("two", "B")],
        ("B", 4),
        {"one": ("B", 4), "two": ("B", 4)},
        None,
        id="A7 two sides change to the same: agreed, nobody is owed",
    ),
    pytest.param(
        [level("one", "B"), behind("two", "B"), level("three", "A")],
        ("B", 4),
        {"one": ("B", 4), "two": ("B", 4)},
        None,
        id="A7 of two sides with the same new value one had seen the agreed one: that is enough",
    ),
    pytest.param(
        [behind("one", "C"), level("two", "A")],
        ("A", 3),
        {"one": ("C", 2)},
        {"one": "C", AGREED: "A"},
        id="A8 a side that had not seen the agreed value changes: a conflict with the agreed value",
    ),
    pytest.param(
        [level("one", "B"), level("two", "C")],
        ("A", 3),
        {"one": ("B", 3), "two": ("C", 3)},
        {"one": "B", "two": "C"},
        id="A9 two sides change differently: a conflict of both, the old value is no candidate",
    ),
    pytest.param(
        [level("one", "B"), behind("two", "C")],
        ("A", 3),
        {"one": ("B", 3), "two": ("C", 2)},
        {"one": "B", "two": "C", AGREED: "A"},
        id="A9 one of two that differ had not seen the agreed value: it stands as a candidate too",
    ),
    pytest.param(
        [level("one", "B"), level("two", "C"), level("three", "C")],
        ("A", 3),
        {"one": ("B", 3), "two": ("C", 3), "three": ("C", 3)},
        {"one": "B", "two": "C", "three": "C"},
        id="A9 two of three sides agree: still a conflict, all three are named",
    ),
    pytest.param(
        [side("one", "B", UNSURE, -1), level("two", "A")],
        ("A", 3),
        {"one": ("B", -1)},
        {"one": "B", AGREED: "A"},
        id="A side of unknown standing that shows something else is compared, not believed",
    ),
    pytest.param(
        [side("one", "A", UNSURE, -1), level("two", "A")],
        ("A", 3),
        {"one": ("A", 3)},
        None,
        id="A side of unknown standing that shows the agreed value has caught up",
    ),
    pytest.param([], ("A", 3), {}, None, id="No side shows the field: nothing happens"),
]


@pytest.mark.parametrize(("views", "agreed", "sides", "candidates"), TABLE)
def test_without_a_conflict(
    views: list[View], agreed: tuple[Any, int], sides: dict[str, tuple[Any, int]], candidates: dict[str, Any] | None
) -> None:
    result = decide(views)
    assert standing(result) == agreed
    assert result.sides == sides
    found = {name: each.value for name, each in result.conflict.candidates.items()} if result.conflict else None
    assert found == candidates
    assert result.notes == []


FIRST = Agreed()

LINKING = [
    pytest.param([side("one", "A", None, -1), side("two", "A", None, -1)], "A", None, id="equal values become agreed"),
    pytest.param([side("one", "A", None, -1), side("two", None, None, -1)], "A", None, id="an empty side is owed"),
    pytest.param(
        [side("one", "A", None, -1), side("two", "B", None, -1)],
        None,
        {"one": "A", "two": "B"},
        id="different values are a conflict",
    ),
]


@pytest.mark.parametrize(("views", "value", "candidates"), LINKING)
def test_the_first_look_at_a_link(views: list[View], value: Any, candidates: dict[str, Any] | None) -> None:
    result = decide(views, FIRST)
    assert standing(result) == ((value, 0) if candidates is None else (None, -1))
    found = {name: each.value for name, each in result.conflict.candidates.items()} if result.conflict else None
    assert found == candidates
    assert result.sides == {view.side: (view.cur, -1 if candidates else 0) for view in views if view.cur is not None}


def test_the_first_look_that_finds_nothing_anywhere_agrees_on_nothing() -> None:
    result = decide([side("one", None, None, -1), side("two", None, None, -1)], FIRST)
    assert result.agreed is FIRST
    assert result.sides == {}


def test_at_the_first_look_the_rule_for_linking_decides_and_not_the_one_for_later() -> None:
    views = [side("one", "A", None, -1), side("two", "B", None, -1)]
    result = decide(views, FIRST, rule=Rule(policy="ask", first="owner", owner="two"))
    assert standing(result) == ("B", 0)
    assert result.sides == {"one": ("A", -1), "two": ("B", 0)}
    assert result.notes == [Note("lost_to_policy", "one", "A")]


def test_a_side_linked_later_fills_what_is_agreed_to_be_empty() -> None:
    result = decide([side("new", "A", None, -1), side("one", None, None, 0)], Agreed(None, 0, "one", NINE))
    assert standing(result) == ("A", 1)
    assert result.notes == [Note("filled", "new", "A")]


def test_a_side_linked_later_does_not_fill_what_somebody_emptied() -> None:
    result = decide([side("new", "A", None, -1), side("one", None, None, 2)], Agreed(None, 2, "one", NINE))
    assert result.conflict is not None
    assert {name: each.value for name, each in result.conflict.candidates.items()} == {"new": "A", AGREED: None}


def test_a_side_linked_later_that_differs_is_a_conflict_with_what_is_agreed() -> None:
    result = decide([side("new", "B", None, -1), level("one", "A")])
    assert result.conflict is not None
    assert {name: each.value for name, each in result.conflict.candidates.items()} == {"new": "B", AGREED: "A"}


OPEN = Conflict({"one": Candidate("B"), "two": Candidate("C")}, rev=4)


def disputed(name: str, cur: Any, shadow: Any, shows: int = 3) -> View:
    return side(name, cur, shadow, shows)


def test_a1_an_edit_during_a_conflict_replaces_the_candidate_of_its_side_and_moves_the_revision() -> None:
    result = decide([disputed("one", "D", "B"), disputed("two", "C", "C")], conflict=OPEN)
    assert result.conflict is not None
    assert result.conflict.rev == 5
    assert {name: each.value for name, each in result.conflict.candidates.items()} == {"one": "D", "two": "C"}
    assert result.sides == {"one": ("D", 3)}
    assert standing(result) == ("A", 3)


def test_a1_setting_a_value_back_during_a_conflict_is_an_answer_and_never_withdraws_the_candidate() -> None:
    result = decide([disputed("one", "A", "B"), disputed("two", "C", "C")], conflict=OPEN)
    assert result.conflict is not None
    assert {name: each.value for name, each in result.conflict.candidates.items()} == {"one": "A", "two": "C"}


def test_a1_a_third_side_that_moves_during_a_conflict_becomes_a_candidate() -> None:
    result = decide([disputed("one", "B", "B"), disputed("two", "C", "C"), disputed("three", "D", "A")], conflict=OPEN)
    assert result.conflict is not None
    assert sorted(result.conflict.candidates) == ["one", "three", "two"]


def test_a1_a_conflict_is_over_once_all_sides_show_the_same() -> None:
    result = decide([disputed("one", "C", "B"), disputed("two", "C", "C", 2)], conflict=OPEN)
    assert result.conflict is None
    assert standing(result) == ("C", 4)
    assert result.sides == {"one": ("C", 4), "two": ("C", 4)}
    assert result.notes == [Note("settled", "one", "C")]


def test_a1_while_a_side_is_in_doubt_nobody_may_say_that_all_agree() -> None:
    result = decide([disputed("one", "C", "B"), disputed("two", "C", "C")], conflict=OPEN, in_doubt=True)
    assert result.conflict is not None
    assert result.conflict.rev == 5
    assert standing(result) == ("A", 3)


def test_a2_a_decision_for_what_was_shown_is_carried_out() -> None:
    conflict = Conflict(OPEN.candidates, 4, Decision(4, "B", "Ada"))
    result = decide([disputed("one", "B", "B"), disputed("two", "C", "C")], conflict=conflict)
    assert result.conflict is None
    assert result.agreed == Agreed("B", 4, "Ada", NOW)
    assert result.sides == {"one": ("B", 4)}
    assert result.notes == [Note("decided", "Ada", "B")]


def test_a3_a_decision_for_something_that_moved_is_dropped() -> None:
    conflict = Conflict(OPEN.candidates, 5, Decision(4, "B", "Ada"))
    result = decide([disputed("one", "B", "B"), disputed("two", "C", "C")], conflict=conflict)
    assert result.conflict == Conflict(OPEN.candidates, 5, None)
    assert standing(result) == ("A", 3)


def test_a3_an_edit_that_arrives_with_the_decision_drops_it() -> None:
    conflict = Conflict(OPEN.candidates, 4, Decision(4, "B", "Ada"))
    result = decide([disputed("one", "D", "B"), disputed("two", "C", "C")], conflict=conflict)
    assert result.conflict is not None
    assert result.conflict.decision is None
    assert result.conflict.rev == 5


def test_a4_an_open_conflict_with_nothing_new_stays_as_it_is() -> None:
    result = decide([disputed("one", "B", "B"), disputed("two", "C", "C")], conflict=OPEN)
    assert result.conflict is OPEN
    assert result.sides == {}
    assert result.agreed is AGREED_A


def test_a10_a_candidate_keeps_who_and_when() -> None:
    views = [side("one", "B", "A", 3, TEN, "ada"), side("two", "C", "A", 3, NOON, "bo")]
    conflict = decide(views).conflict
    assert conflict is not None
    assert conflict.candidates == {"one": Candidate("B", TEN, "ada"), "two": Candidate("C", NOON, "bo")}


# -- owner


OWNED = Rule(policy="owner", owner="two")


def test_the_owners_value_holds_and_the_loser_is_named() -> None:
    result = decide([level("one", "B"), level("two", "C")], rule=OWNED)
    assert result.agreed == Agreed("C", 4, "two", NOW)
    assert result.sides == {"one": ("B", 3), "two": ("C", 4)}
    assert result.notes == [Note("lost_to_policy", "one", "B")]


def test_an_agreed_value_that_loses_to_the_owner_is_named_too() -> None:
    result = decide([level("one", "B"), behind("two", "C")], rule=OWNED)
    assert standing(result) == ("C", 4)
    assert sorted((note.side, note.value) for note in result.notes) == [(AGREED, "A"), ("one", "B")]


def test_where_the_owner_did_not_move_a_late_edit_elsewhere_loses_to_what_is_agreed() -> None:
    result = decide([behind("one", "B"), level("two", "A")], rule=OWNED)
    assert result.agreed is AGREED_A
    assert result.sides == {"one": ("B", 2)}
    assert result.notes == [Note("lost_to_policy", "one", "B")]


def test_where_the_agreed_value_stands_every_side_that_shows_another_is_owed_it() -> None:
    result = decide([level("one", "B"), behind("three", "C"), level("two", "A")], rule=OWNED)
    assert result.agreed is AGREED_A
    assert result.sides["one"][1] < 3
    assert result.sides["three"][1] < 3


def test_two_others_that_differ_are_a_conflict_even_if_there_is_an_owner() -> None:
    result = decide([level("one", "B"), level("three", "C"), level("two", "A")], rule=OWNED)
    assert result.conflict is not None


def test_an_owner_of_unknown_standing_never_wins_by_policy() -> None:
    result = decide([level("one", "B"), side("two", "C", UNSURE, -1)], rule=OWNED)
    assert result.conflict is not None


# -- newest


NEWEST = Rule(policy="newest", grain=2.0)


def test_the_newest_edit_holds() -> None:
    result = decide([level("one", "B", TEN), level("two", "C", NOON)], rule=NEWEST)
    assert standing(result) == ("C", 4)
    assert result.notes == [Note("lost_to_policy", "one", "B")]


@pytest.mark.parametrize(
    "views",
    [
        pytest.param([level("one", "B", NOON), level("two", "C", NOON)], id="both at the same time"),
        pytest.param(
            [level("one", "B", NOON), level("two", "C", "2026-11-02T12:00:02.000Z")], id="no further apart than clocks"
        ),
        pytest.param([level("one", "B", NOON), level("two", "C", None)], id="one without a time"),
        pytest.param([level("one", "B", NOON), side("two", "C", UNSURE, 3, TEN)], id="one of unknown standing"),
        pytest.param([level("one", "B", NOON), behind("two", "C", TEN)], id="one that had not seen the agreed value"),
    ],
)
def test_newest_asks_where_it_cannot_know(views: list[View]) -> None:
    result = decide(views, rule=NEWEST)
    assert result.conflict is not None
    assert result.agreed is AGREED_A


def test_sides_that_say_the_same_at_once_are_no_rivals_under_newest() -> None:
    result = decide([level("one", "B", NOON), level("two", "B", NOON), level("three", "C", NINE)], rule=NEWEST)
    assert standing(result) == ("B", 4)
    assert result.sides == {"one": ("B", 4), "two": ("B", 4), "three": ("C", 3)}


# -- rank


RANK = Rule(policy="rank", order=("todo", "doing", "done"))


def status(name: str, cur: Any, shows: int = 3, shadow: Any = "todo") -> View:
    return side(name, cur, shadow, shows)


TODO = Agreed("todo", 3, "one", NINE)


def test_of_two_statuses_the_further_holds() -> None:
    result = decide([status("one", "doing"), status("two", "done")], TODO, rule=RANK)
    assert standing(result) == ("done", 4)
    assert result.notes == [Note("lost_to_policy", "one", "doing")]


def test_backwards_the_earlier_status_holds() -> None:
    rule = Rule(policy="rank", order=RANK.order, backward=True)
    assert standing(decide([status("one", "doing"), status("two", "done")], TODO, rule=rule)) == ("doing", 4)


def test_an_agreed_status_that_is_further_stands() -> None:
    done = Agreed("done", 3, "one", NINE)
    result = decide([status("two", "doing", 2)], done, rule=RANK)
    assert result.agreed is done
    assert result.notes == [Note("lost_to_policy", "two", "doing")]


@pytest.mark.parametrize(
    "views",
    [
        pytest.param([status("one", "doing"), status("two", "paused")], id="a status outside the order"),
        pytest.param([status("one", "doing"), status("two", "done", -1, UNSURE)], id="the further of unknown standing"),
    ],
)
def test_rank_asks_where_it_cannot_know(views: list[View]) -> None:
    assert decide(views, TODO, rule=RANK).conflict is not None


# -- append


APPEND = Rule(policy="append")


def text(name: str, cur: Any, at: str, shadow: Any = "A", shows: int = 3) -> View:
    return side(name, cur, shadow, shows, at)


def test_what_two_people_added_below_one_text_is_kept_in_order_of_time() -> None:
    result = decide([text("one", "A\nlater", NOON), text("two", "A\n\nearlier", TEN)], rule=APPEND)
    assert result.agreed == Agreed("A\n\nearlier\n\nlater", 4, "one", NOW)
    assert result.sides == {"one": ("A\nlater", 3), "two": ("A\n\nearlier", 3)}
    assert result.conflict is None


def test_what_was_added_below_an_older_version_goes_below_the_agreed_one() -> None:
    result = decide([text("two", "O\nlate", NOON, "O", 2)], Agreed("O\nmore", 3, "one", NINE), rule=APPEND)
    assert standing(result) == ("O\nmore\n\nlate", 4)


def test_the_same_line_added_twice_is_kept_once() -> None:
    views = [text("one", "A\nx", TEN), text("two", "A\n\nx", NOON)]
    assert standing(decide(views, rule=APPEND)) == ("A\n\nx", 4)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(text("two", "rewritten", TEN), id="who rewrote the text"),
        pytest.param(text("two", "Ab", TEN), id="who went on in the last line"),
        pytest.param(text("two", None, TEN), id="who cleared the text"),
        pytest.param(text("two", "A\nx", TEN, UNSURE, -1), id="of whom nobody knows what was there before"),
    ],
)
def test_append_asks_about_somebody(other: View) -> None:
    result = decide([text("one", "A\nlater", NOON), other], rule=APPEND)
    assert result.conflict is not None


# -- sets


SET = Rule(policy="set")
RED = Agreed(["red"], 3, "one", NINE)


def labels(name: str, cur: Any, shadow: Any, shows: int = 3) -> View:
    return side(name, cur, shadow, shows)


def test_additions_on_two_sides_are_both_kept() -> None:
    result = decide([labels("one", ["blue", "red"], ["red"]), labels("two", ["green", "red"], ["red"])], RED, rule=SET)
    assert standing(result) == (["blue", "green", "red"], 4)
    assert result.conflict is None
    assert all(shows == 3 for _, shows in result.sides.values())


def test_what_nobody_added_again_is_removed() -> None:
    result = decide([labels("one", [], ["red"]), labels("two", ["red"], ["red"])], RED, rule=SET)
    assert standing(result) == ([], 4)
    assert result.sides == {"one": ([], 4)}


def test_an_addition_beats_a_removal_with_a_line_for_the_audit() -> None:
    result = decide([labels("one", [], ["red"]), labels("two", ["red"], [], 2)], RED, rule=SET)
    assert standing(result) == (["red"], 3)
    assert result.notes == [Note("added_wins", "one", "red")]


def test_the_side_whose_removal_lost_is_owed_what_it_removed() -> None:
    result = decide([labels("one", [], ["red"]), labels("two", ["red"], [], 2)], RED, rule=SET)
    assert result.sides == {"one": ([], 2), "two": (["red"], 3)}


def test_everything_on_a_side_of_unknown_standing_counts_as_added() -> None:
    result = decide([labels("one", ["blue"], UNSURE, -1), labels("two", ["red"], ["red"])], RED, rule=SET)
    assert standing(result) == (["blue", "red"], 4)


def test_a_first_look_at_sets_unites_them() -> None:
    result = decide([labels("one", ["red"], None, -1), labels("two", ["blue"], None, -1)], FIRST, rule=SET)
    assert standing(result) == (["blue", "red"], 0)


def test_sets_that_did_not_change_stay() -> None:
    result = decide([labels("one", ["red"], ["red"])], RED, rule=SET)
    assert result.agreed is RED
    assert result.sides == {}


# -- sides with a form of their own


LOUD = Equality(shown=lambda name, value: value.upper() if name == "loud" and isinstance(value, str) else value)


def test_a_side_that_shows_the_agreed_value_in_its_own_form_has_caught_up() -> None:
    agreed = Agreed("ab", 3, "one", NINE)
    result = decide([side("loud", "AB", "OLD", 2)], agreed, equality=LOUD)
    assert result.agreed is agreed
    assert result.sides == {"loud": ("AB", 3)}


@pytest.mark.parametrize("name", ["another", "zzz"])
def test_the_own_form_of_what_another_side_says_is_no_second_value(name: str) -> None:
    views = [side("loud", "NEW", "AB", 3), side(name, "new", "ab", 3)]
    result = decide(views, Agreed("ab", 3, name, NINE), equality=LOUD)
    assert standing(result) == ("new", 4)
    assert result.sides == {"loud": ("NEW", 4), name: ("new", 4)}


def test_an_edit_on_a_lossy_side_is_an_edit() -> None:
    views = [side("loud", "NEW", "AB", 3), side("one", "ab", "ab", 3)]
    assert standing(decide(views, Agreed("ab", 3, "one", NINE), equality=LOUD)) == ("NEW", 4)


def dates(name: str, value: Any) -> Any:
    return as_day(value, ZONE) if name.startswith("day") else value


DATES = Equality(dates, lambda a, b: same_date(a, b, ZONE), finer_date)
EVENING = "2026-11-29T20:00:00.000Z"  # the 30th in Shanghai


@pytest.mark.parametrize("instant", ["a", "z"])
def test_a_day_and_an_instant_on_it_are_one_value_and_the_instant_is_kept(instant: str) -> None:
    views = [side("day", "2026-11-30", None, -1), side(instant, EVENING, None, -1)]
    result = decide(views, FIRST, equality=DATES)
    assert standing(result) == (EVENING, 0)
    assert result.sides == {"day": ("2026-11-30", 0), instant: (EVENING, 0)}


def test_an_instant_linked_to_an_agreed_day_says_more_and_is_agreed() -> None:
    agreed = Agreed("2026-11-30", 3, "day", NINE)
    result = decide(
        [side("late", EVENING, None, -1), side("day", "2026-11-30", "2026-11-30", 3)], agreed, equality=DATES
    )
    assert standing(result) == (EVENING, 4)


def test_a_day_linked_to_an_agreed_instant_has_caught_up() -> None:
    agreed = Agreed(EVENING, 3, "late", NINE)
    result = decide([side("day", "2026-11-30", None, -1)], agreed, equality=DATES)
    assert result.agreed is agreed
    assert result.sides == {"day": ("2026-11-30", 3)}


def test_two_instants_on_one_day_differ_even_beside_a_side_that_shows_the_day() -> None:
    views = [
        side("day", "2026-11-30", "2026-11-29", 3, NOON),
        side("early", "2026-11-30T01:00:00.000Z", "2026-11-29", 3, TEN),
        side("late", "2026-11-30T08:00:00.000Z", "2026-11-29", 3, NINE),
    ]
    result = decide(views, Agreed("2026-11-29", 3, "day", NINE), rule=NEWEST, equality=DATES)
    assert result.conflict is not None


@pytest.mark.parametrize(
    ("views", "agreed", "sides", "lost"),
    [
        pytest.param(
            [level("one", "A"), following("two", "B")],
            ("A", 3),
            {"two": ("B", 2)},
            [Note("lost_to_policy", "two", "B")],
            id="a person's edit there has no say, is named in the audit, and the side is owed what is agreed",
        ),
        pytest.param(
            [level("one", "B"), following("two", "C")],
            ("B", 4),
            {"one": ("B", 4), "two": ("C", 3)},
            [Note("lost_to_policy", "two", "C")],
            id="an edit that counts is no conflict with one there",
        ),
        pytest.param(
            [level("one", "B"), following("two", "B")],
            ("B", 4),
            {"one": ("B", 4), "two": ("B", 4)},
            [],
            id="a side that was brought up by hand is owed nothing",
        ),
    ],
)
def test_a_side_that_only_receives(
    views: list[View], agreed: tuple[Any, int], sides: dict[str, Any], lost: list[Note]
) -> None:
    result = decide(views)
    assert standing(result) == agreed
    assert result.sides == sides
    assert result.conflict is None
    assert result.notes == lost


def test_a_side_that_only_receives_waits_as_long_as_nobody_with_a_say_said_anything() -> None:
    result = decide([side("one", None, None, -1), following("two", "B", None, -1)], Agreed())
    assert standing(result) == (None, -1)
    assert result.sides == {"two": ("B", -1)}
    assert result.notes == []


def test_a_side_that_only_receives_neither_joins_a_conflict_nor_settles_it() -> None:
    conflict = Conflict({"one": Candidate("B"), "two": Candidate("C")})
    views = [side("one", "B", "B", 2), side("two", "C", "C", 2), following("three", "D")]
    result = decide(views, conflict=conflict)
    assert result.conflict is conflict
    assert result.sides == {"three": ("D", 2)}
