"""Lists of items: what each side did, merged item by item, and what people must decide named by the item."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapping.agreement import AGREED, UNSURE, Agreed, Candidate, Conflict, Decision, Equality, Merge, Rule, View
from mapping.items import Look, alike, changes, contested, differing, folded, homes, pair, translated
from mapping.merge import merge

NOW = "2026-11-02T09:00:00.000Z"
SAME = Equality(same=alike, spelling=True)


def items(text: str) -> list[dict[str, Any]]:
    """``a b+ c=Tea``: three items by id, the second done, the third of another text than its id."""
    found = []
    for word in text.split():
        id, _, said = word.rstrip("+").partition("=")
        found.append({"id": id, "text": said or id, "done": word.endswith("+")})
    return found


def said(value: Any) -> str:
    return " ".join(
        each["id"] + (f"={each['text']}" if each["text"] != each["id"] else "") + "+" * each["done"]
        for each in value or ()
    )


def decide(
    agreed: str,
    sides: dict[str, tuple[str, str]],
    *,
    behind: str = "",
    conflict: Conflict | None = None,
    **rule: Any,
) -> Merge:
    """Side -> (what it showed, what it shows now); ``behind``: the side that has not got the agreed list yet."""
    views = [
        View(
            side=side,
            cur=items(now),
            shadow=items(was),
            shows=3 if side == behind else 4,
            at=f"2026-11-02T08:0{number}:00.000Z",
            by=f"{side}'s",
        )
        for number, (side, (was, now)) in enumerate(sides.items())
    ]
    return merge(Agreed(items(agreed), 4, "one", NOW), views, conflict, Rule(by_item=True, **rule), SAME, NOW)


@pytest.mark.parametrize(
    ("agreed", "one", "two", "expected"),
    [
        pytest.param("a b", "a b c", "a b", "a b c", id="added"),
        pytest.param("a b", "a b", "b", "b", id="removed"),
        pytest.param("a b", "a=Tea b", "a b", "a=Tea b", id="renamed"),
        pytest.param("a b", "a+ b", "a b", "a+ b", id="ticked"),
        pytest.param("a b c", "c a b", "a b c", "c a b", id="moved"),
        pytest.param("a b", "a b c", "a b d", "a b c d", id="added on both: all stay, the earlier first"),
        pytest.param("a b", "c a b", "a b d", "c a b d", id="added at both ends"),
        pytest.param("a b", "a=Tea b", "a+ b", "a=Tea+ b", id="renamed here, ticked there"),
        pytest.param("a b c", "c a b", "a b+ d c", "c a b+ d", id="moved here, ticked and added there"),
        pytest.param("a b c d", "b a c d", "a b d c", "b d a c", id="different ones moved"),
        pytest.param("a b", "b", "b a", "b", id="removed here, moved there: removed"),
        pytest.param("a b", "b", "b", "b", id="removed on both"),
        pytest.param("a b", "a=Tea b", "a=Tea b", "a=Tea b", id="renamed alike"),
        pytest.param("a b c", "a c b", "a c b", "a c b", id="moved alike"),
        pytest.param("a", "", "a b", "b", id="all removed here, one added there"),
        pytest.param("a=👩‍🔧 b", "a=👩‍🔧+ b", "b a=👩‍🔧", "b a=👩‍🔧+", id="emoji"),
    ],
)
def test_what_both_sides_did_comes_together(agreed: str, one: str, two: str, expected: str) -> None:
    result = decide(agreed, {"one": (agreed, one), "two": (agreed, two)})
    assert result.conflict is None
    assert said(result.agreed.value) == expected
    assert result.agreed.n == 5
    for side, now in (("one", one), ("two", two)):
        if now != agreed:
            assert result.sides[side] == (items(now), 5 if alike(items(now), items(expected)) else 4)


@pytest.mark.parametrize(
    ("one", "two", "asked", "candidates"),
    [
        pytest.param("a=Tea b", "a=Mate b c", {"a"}, {"one": "a=Tea b c", "two": "a=Mate b c"}, id="renamed twice"),
        pytest.param("b", "a=Tea b", {"a"}, {"one": "b", "two": "a=Tea b"}, id="removed and renamed"),
        pytest.param("b", "a+ b", {"a"}, {"one": "b", "two": "a+ b"}, id="removed and ticked"),
        pytest.param(
            "b c a d e", "b c d e a", {"a"}, {"one": "b c a d e", "two": "b c d e a"}, id="moved to two places"
        ),
    ],
)  # fmt: skip
def test_a_conflict_is_about_the_item_and_loses_nothing_else(
    one: str, two: str, asked: set[str], candidates: dict[str, str]
) -> None:
    agreed = "a b c d e" if "d e" in one else "a b"
    result = decide(agreed, {"one": (agreed, one), "two": (agreed, two)})
    assert result.agreed.n == 4
    assert result.conflict is not None
    assert {name: said(each.value) for name, each in result.conflict.candidates.items()} == candidates
    assert differing([each.value for each in result.conflict.candidates.values()]).keys() == asked
    assert result.conflict.candidates["one"].by == "one's"


def test_who_had_not_seen_the_agreed_text_does_not_overrule_it() -> None:
    result = decide("a=New b", {"two": ("a=Old b", "a=Mine b+")}, behind="two")
    assert result.conflict is not None
    assert {name: said(each.value) for name, each in result.conflict.candidates.items()} == {
        "two": "a=Mine b+",
        AGREED: "a=New b+",
    }
    quiet = decide("a=New b", {"two": ("a=Old b", "a=Old b+")}, behind="two")
    assert said(quiet.agreed.value) == "a=New b+"
    assert quiet.sides["two"] == (items("a=Old b+"), 3)
    gone = decide("a=New b", {"two": ("a=Old b", "b")}, behind="two")
    assert gone.conflict is not None


def test_a_policy_is_asked_about_the_item_alone_and_the_loser_is_named() -> None:
    sides = {"one": ("a b", "a=Tea b+"), "two": ("a b", "a=Mate b c")}
    owned = decide("a b", sides, policy="owner", owner="one")
    assert said(owned.agreed.value) == "a=Tea b+ c"
    assert [(note.code, note.side, said(note.value)) for note in owned.notes] == [("lost_to_policy", "two", "a=Mate")]
    newest = decide("a b", sides, policy="newest")
    assert said(newest.agreed.value) == "a=Mate b+ c"
    stands = decide("a=New b", {"two": ("a=Old b", "a=Mine b+")}, behind="two", policy="owner", owner="one")
    assert said(stands.agreed.value) == "a=New b+"
    assert stands.sides["two"][1] == 3


def test_what_is_done_while_a_question_is_open_is_in_every_candidate() -> None:
    opened = decide("a b", {"one": ("a b", "a=Tea b"), "two": ("a b", "a=Mate b")}).conflict
    more = decide("a b", {"one": ("a=Tea b", "a=Tea b+ c"), "two": ("a=Mate b", "a=Mate b")}, conflict=opened)
    assert more.conflict is not None
    assert more.conflict.rev == 2
    assert {name: said(each.value) for name, each in more.conflict.candidates.items()} == {
        "one": "a=Tea b+ c",
        "two": "a=Mate b+ c",
    }
    still = {"one": ("a=Tea b+ c", "a=Tea b+ c"), "two": ("a=Mate b", "a=Mate b")}
    third = decide("a b", still | {"zoe": ("a b", "a=Water b")}, conflict=more.conflict)
    assert third.conflict is not None
    assert said(third.conflict.candidates["zoe"].value) == "a=Water b+ c"
    chosen = Decision(3, third.conflict.candidates["two"].value, "Ada")
    decided = Conflict(third.conflict.candidates, 3, chosen)
    result = decide("a b", still, conflict=decided)
    assert (said(result.agreed.value), result.conflict, result.sides) == ("a=Mate b+ c", None, {})


def test_a_first_link_and_a_side_of_unknown_standing_are_compared_whole() -> None:
    rule = Rule(by_item=True)
    first = [View(side="one", cur=items("a b")), View(side="two", cur=items("x=a y=b+"))]
    assert merge(Agreed(), first, None, rule, SAME, NOW).conflict is not None
    same = [View(side="one", cur=items("a b")), View(side="two", cur=items("x=a y=b"))]
    linked = merge(Agreed(), same, None, rule, SAME, NOW)
    assert (linked.conflict, [shows for _, shows in linked.sides.values()]) == (None, [0, 0])
    back = [View(side="two", cur=items("a c"), shadow=UNSURE)]
    found = merge(Agreed(items("a b"), 4, "one", NOW), back, None, rule, SAME, NOW).conflict
    assert found == Conflict({"two": Candidate(items("a c")), AGREED: Candidate(items("a b"), NOW, "one")})


def under(heading: str | None, text: str) -> list[dict[str, Any]]:
    return [{**each, **({"under": heading} if heading else {})} for each in items(text)]


def test_a_heading_is_no_part_of_the_merge_and_new_items_get_that_of_those_beside_them() -> None:
    agreed = [*under("QA", "a b"), *under(None, "c")]
    assert alike(agreed, items("a b c"))
    renamed = [*under("Test", "a b z"), *under("Ship", "y"), *under(None, "c x")]
    shown = [*under("Test", "a b"), *under(None, "c")]
    result = folded(agreed, [Look("one", shown, renamed)], {})
    assert [(each["id"], each.get("under")) for each in result] == [
        ("a", "QA"), ("b", "QA"), ("z", "QA"), ("y", "Ship"), ("c", None), ("x", None)
    ]  # fmt: skip
    moved = [*under("Test", "b"), *under(None, "c a")]
    result = folded(agreed, [Look("one", shown, moved)], {})
    assert [(each["id"], each.get("under")) for each in result] == [("b", "QA"), ("c", None), ("a", None)]


@pytest.mark.parametrize(
    ("wanted", "shown", "expected"),
    [
        ("a b", [(0, 1), (1, 2)], [1, 2]),
        ("a z b", [(0, 1), None, (1, 2)], [1, 1, 2]),
        ("z a b", [None, (0, 1), (1, 2)], [1, 1, 2]),
        ("b a z", [(1, 2), (0, 1), None], [1, 1, 1]),
        ("z", [None], [7]),
    ],
)
def test_without_headings_what_is_new_or_moved_goes_where_the_item_before_it_is(
    wanted: str, shown: Any, expected: list[int]
) -> None:
    assert homes(items(wanted), shown, {1: None, 2: None}, 7) == expected


def test_a_sides_own_items_are_known_by_shared_ids() -> None:
    shared = items("a=Tea b=Tea c")
    known = pair([items("1=Tea 2=Tea 3=c")], shared, {})
    assert known == {"1": "a", "2": "b", "3": "c"}, "two of one text, in order"
    assert pair([items("1=Tea 2=Tea 3=c"), items("2=Mate 3=c")], shared, known) == known, (
        "renamed, and known all the same"
    )
    assert pair([items("1=Tea"), items("9=Tea")], items("a=Tea"), {"1": "a"}) == {"1": "a", "9": "a"}, "made anew"
    assert pair([items("n=New")], shared, {}) == {"n": "n"}
    assert pair([items("a=New")], items("a=Tea"), {"1": "a"}) == {"a": "a~2"}, "the id belongs to another"
    assert pair([items("1=x"), items("1=x")], [], {"1": "gone"}) == {"1": "gone"}, "removed elsewhere meanwhile"
    assert pair([items("1=x"), items("1=x")], items("0=x"), {"1": "gone"}) == {"1": "0"}, "put together anew"
    assert translated(items("1=Tea 4"), {"1": "a"}) == items("a=Tea 4")
    assert translated(None, {"1": "a"}) is None


ITEMS = st.lists(st.sampled_from("abcdef"), unique=True, max_size=6)


@st.composite
def edits(draw: Any, before: list[str]) -> list[dict[str, Any]]:
    kept = [id for id in draw(st.permutations(before)) if draw(st.integers(0, 4))]
    order = kept if draw(st.booleans()) else [id for id in before if id in kept]
    fresh = draw(st.lists(st.sampled_from("uvwxyz"), unique=True, max_size=2))
    for id in fresh:
        order.insert(draw(st.integers(0, len(order))), id)
    return [
        {"id": id, "text": draw(st.sampled_from([id, id, "Tea"])), "done": draw(st.booleans())} for id in order
    ]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_one_side_alone_is_followed_exactly(data: Any) -> None:
    before = data.draw(ITEMS)
    agreed = items(" ".join(before))
    after = data.draw(edits(before))
    look = Look("one", agreed, after)
    assert contested(agreed, [look]) == {}
    assert folded(agreed, [look], {}) == after


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_item_is_lost_or_doubled_and_the_order_of_sides_does_not_matter(data: Any) -> None:
    before = data.draw(ITEMS)
    agreed = items(" ".join(before))
    looks = [
        Look(side, agreed, data.draw(edits(before)), f"2026-11-02T08:0{number}:00.000Z")
        for number, side in enumerate(("one", "two", "zoe"))
    ]
    asked = contested(agreed, looks)
    for winner in (None, "one", "two", "zoe"):
        winners = dict.fromkeys(asked, winner)
        results = [folded(agreed, list(order), winners) for order in permutations(looks)]
        assert all(each == results[0] for each in results)
        ids = [each["id"] for each in results[0]]
        assert len(ids) == len(set(ids))
        removed = {id for look in looks for id in changes(look.before, look.after).removed}
        added = {item["id"] for look in looks for item in look.after} - set(before)
        assert set(ids) - asked.keys() == ((set(before) - removed) | added) - asked.keys()
