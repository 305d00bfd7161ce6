"""What holds for every merge, whatever the sides show."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from mapping.agreement import AGREED, UNSURE, Agreed, Candidate, Conflict, Decision, Equality, Merge, Rule, View
from mapping.merge import merge

NOW = "2026-11-02T09:00:00.000Z"
NAMES = ("ann", "bob", "loud", "zoe")
MIRROR = {"ann": "zoe", "zoe": "ann", "bob": "cay", "loud": "loud", AGREED: AGREED}
TIMES = st.sampled_from([None, "2026-11-02T08:00:00.000Z", "2026-11-02T08:00:01.000Z", "2026-11-02T08:30:00.000Z"])
VALUES = st.sampled_from([None, "a", "b", "B", "a\nx", "a\ny"])
SETS = st.lists(st.sampled_from("rgb"), unique=True).map(sorted)


def shown(name: str, value: Any) -> Any:
    return value.upper() if name == "loud" and isinstance(value, str) else value


LOUD = Equality(shown=shown)


@st.composite
def worlds(draw: Any, values: st.SearchStrategy[Any] = VALUES, policies: tuple[str, ...] = ("ask",)) -> dict[str, Any]:
    n = draw(st.integers(-1, 3))
    agreed = Agreed(draw(values), n, "ann", NOW) if n >= 0 else Agreed()
    views = []
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1)):
        shows = draw(st.integers(-1, n))
        if shows == -1:
            shadow = draw(st.sampled_from([None, UNSURE]))
        elif shows == n:
            shadow = shown(name, agreed.value)
        else:
            shadow = shown(name, draw(values))
        cur = shadow if shadow != UNSURE and draw(st.booleans()) else shown(name, draw(values))
        follows = draw(st.integers(0, 4)) == 0
        views.append(View(side=name, cur=cur, shadow=shadow, shows=shows, at=draw(TIMES), follows=follows))
    conflict = None
    if draw(st.integers(0, 3)) == 0 and len(views) > 1:
        rev = draw(st.integers(1, 3))
        decided = draw(st.sampled_from([None, rev, rev - 1]))
        decision = Decision(decided, draw(values), "Ada") if decided is not None else None
        conflict = Conflict({view.side: Candidate(view.shadow) for view in views[:2]}, rev, decision)
    rule = Rule(
        policy=draw(st.sampled_from(policies)),
        owner=draw(st.sampled_from(NAMES)),
        first=draw(st.sampled_from(["ask", "owner", "newest"])),
        order=("a", "b", "A", "B"),
        backward=draw(st.booleans()),
    )
    return {"agreed": agreed, "views": views, "conflict": conflict, "rule": rule, "in_doubt": draw(st.booleans())}


EVERY = st.one_of(worlds(policies=("ask", "owner", "newest", "rank", "append")), worlds(values=SETS, policies=("set",)))


def run(world: dict[str, Any]) -> Merge:
    return merge(equality=LOUD, now=NOW, **world)


def after(world: dict[str, Any], result: Merge) -> dict[str, Any]:
    """The world once the result is stored and nobody did anything."""
    views = []
    for view in world["views"]:
        shadow, shows = result.sides.get(view.side, (view.shadow, view.shows))
        views.append(msgspec.structs.replace(view, shadow=shadow, shows=shows))
    return world | {"agreed": result.agreed, "views": views, "conflict": result.conflict}


@given(EVERY)
def test_versions_never_fall_and_grow_by_one_exactly_when_something_is_agreed(world: dict[str, Any]) -> None:
    result = run(world)
    if result.agreed == world["agreed"]:
        assert result.agreed.n == world["agreed"].n
    else:
        assert result.agreed.n == world["agreed"].n + 1
    for name, (shadow, shows) in result.sides.items():
        view = next(view for view in world["views"] if view.side == name)
        assert shadow == view.cur
        assert shows <= result.agreed.n


@given(EVERY)
def test_merging_again_changes_nothing(world: dict[str, Any]) -> None:
    settled = after(world, run(world))
    again = run(settled)
    assert again.agreed == settled["agreed"]
    assert again.conflict == settled["conflict"]
    assert again.notes == []
    assert all(
        again.sides[view.side] == (view.shadow, view.shows) for view in settled["views"] if view.side in again.sides
    )


@given(EVERY)
def test_the_order_of_the_sides_does_not_matter(world: dict[str, Any]) -> None:
    assert run(world | {"views": world["views"][::-1]}) == run(world)


def renamed(world: dict[str, Any]) -> dict[str, Any]:
    views = [View(**{**_parts(view), "side": MIRROR[view.side]}) for view in world["views"]]
    conflict = world["conflict"]
    if conflict is not None:
        candidates = {MIRROR[name]: each for name, each in conflict.candidates.items()}
        conflict = Conflict(candidates, conflict.rev, conflict.decision)
    agreed = world["agreed"]
    if agreed.n >= 0:
        agreed = Agreed(agreed.value, agreed.n, MIRROR[agreed.source], agreed.at)
    rule = world["rule"]
    rule = Rule(rule.policy, MIRROR[rule.owner], rule.first, rule.grain, rule.order, rule.backward)
    return world | {"views": views, "conflict": conflict, "agreed": agreed, "rule": rule}


def _parts(view: View) -> dict[str, Any]:
    return {name: getattr(view, name) for name in view.__struct_fields__}


@given(EVERY)
def test_the_names_of_the_sides_do_not_matter(world: dict[str, Any]) -> None:
    one, other = run(world), run(renamed(world))
    assert (other.agreed.value, other.agreed.n) == (one.agreed.value, one.agreed.n)
    assert other.sides == {MIRROR[name]: moved for name, moved in one.sides.items()}
    assert (other.conflict is None) == (one.conflict is None)
    if one.conflict and other.conflict:
        mirrored = {MIRROR[name]: each.value for name, each in one.conflict.candidates.items()}
        assert {name: each.value for name, each in other.conflict.candidates.items()} == mirrored


@given(EVERY)
def test_no_value_disappears(world: dict[str, Any]) -> None:
    """What somebody set is agreed or was so already, or stands in a conflict, or is named in the audit."""
    result = run(world)
    kept = [result.agreed.value, world["agreed"].value, *(note.value for note in result.notes)]
    if result.conflict is not None:
        kept += [each.value for each in result.conflict.candidates.values()]
    for view in world["views"]:
        if not view.changed:
            continue
        if view.follows:
            known = view.cur in (result.agreed.value, shown(view.side, result.agreed.value))
            assert known or view.cur in kept or result.agreed.n < 0
        elif world["rule"].policy == "set" and world["conflict"] is None:
            before = set() if view.shadow in (None, UNSURE) else set(view.shadow)
            assert set(view.cur) - before <= set(result.agreed.value)
            gone = before - set(view.cur)
            assert all(element not in result.agreed.value or element in kept for element in gone)
        elif world["rule"].policy == "append" and isinstance(view.cur, str) and isinstance(result.agreed.value, str):
            same = any(view.cur in (value, shown(view.side, value)) for value in kept)
            assert same or all(line in result.agreed.value for line in view.cur.split("\n"))
        else:
            assert any(view.cur in (value, shown(view.side, value)) for value in kept)


@given(EVERY)
def test_an_agreed_value_is_only_replaced_by_who_saw_it_or_by_the_rule(world: dict[str, Any]) -> None:
    result = run(world)
    if world["conflict"] is not None or result.agreed == world["agreed"] or world["agreed"].n < 0:
        return
    saw = any(view.changed and view.shows == world["agreed"].n for view in world["views"])
    named = any(note.side == AGREED or note.code == "filled" for note in result.notes)
    assert saw or named or world["rule"].policy in ("set", "append")


@given(EVERY)
def test_what_a_side_without_a_say_shows_changes_nothing_for_the_others(world: dict[str, Any]) -> None:
    said = [view for view in world["views"] if not view.follows]
    result, without = run(world), run(world | {"views": said})
    assert (result.agreed, result.conflict) == (without.agreed, without.conflict)
    assert {name: result.sides[name] for name in without.sides} == without.sides
    assert all(view.follows for view in world["views"] if view.side in result.sides.keys() - without.sides.keys())


@given(worlds())
def test_one_new_value_from_a_side_that_was_up_to_date_is_carried(world: dict[str, Any]) -> None:
    agreed = world["agreed"]
    views = [v for v in world["views"] if not v.changed]
    views = [*views, View(side="new", cur="news", shadow=agreed.value, shows=agreed.n)]
    result = run(world | {"views": views, "conflict": None})
    assert (result.agreed.value, result.agreed.n, result.conflict) == ("news", agreed.n + 1, None)


@given(EVERY)
def test_who_shows_something_else_than_is_agreed_is_owed_or_asked_about(world: dict[str, Any]) -> None:
    result = run(world)
    if result.conflict is not None:
        return
    for view in after(world, result)["views"]:
        changed = next(each for each in world["views"] if each.side == view.side).changed
        if view.follows and result.agreed.n < 0:
            continue  # nobody who has a say said anything
        if changed and view.cur not in (result.agreed.value, shown(view.side, result.agreed.value)):
            empty = [value or [] for value in (view.cur, result.agreed.value)]
            assert view.shows < result.agreed.n or empty[0] == empty[1]


@settings(max_examples=30)
@given(EVERY)
def test_what_was_agreed_is_never_changed_by_a_look_at_nothing(world: dict[str, Any]) -> None:
    still = [view for view in world["views"] if not view.changed]
    result = run(world | {"views": still, "conflict": None})
    assert result == Merge(agreed=world["agreed"])
