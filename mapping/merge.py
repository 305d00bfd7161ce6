"""The pure merge of one field over any number of sides: the decision table of the protocol, and nothing else.

Every side that can show the field brings a ``View``: what it shows now, the *shadow* (what it showed when last taken
in or read back), and which version of the agreed value that shadow stands for. A side changed if its value differs
from its own shadow. The result says what is agreed now, where each side stands, what people must decide, and what
was overruled. Total: every input has an answer. Symmetric: the order of the sides does not matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from mapping.agreement import AGREED, UNSURE, Agreed, Candidate, Conflict, Equality, Merge, Note, Rule, View
from mapping.items import Look, contested, folded

_SIDE = attrgetter("side")


def merge(
    agreed: Agreed,
    views: Sequence[View],
    conflict: Conflict | None,
    rule: Rule,
    equality: Equality,
    now: str,
    in_doubt: bool = False,
) -> Merge:
    """One look at one field. ``in_doubt``: another side has an open intent on it, so nobody may say "all agree"."""
    # As ``View.changed``, written out: nearly all fields of nearly all entities end here.
    changed = [view for view in views if view.cur != view.shadow]
    if conflict is None and not changed:
        return Merge(agreed=agreed)
    followers = [view for view in changed if view.follows]
    if followers or (conflict is not None and any(view.follows for view in views)):
        voters = [view for view in views if not view.follows]
        return _follow(followers, merge(agreed, voters, conflict, rule, equality, now, in_doubt), equality)
    if conflict is not None:
        return _in_conflict(agreed, sorted(views, key=_SIDE), conflict, rule, equality, now, in_doubt)
    result = Merge(agreed=agreed)
    if len(changed) > 1:
        changed.sort(key=_SIDE)
    if rule.policy == "set":
        return _merge_set(agreed, changed, result, now)
    if rule.by_item and agreed.n >= 0 and all(view.shows >= 0 and view.shadow != UNSURE for view in changed):
        return _merge_items(agreed, changed, rule, equality, result, now)
    rest = []
    for view in changed:
        if agreed.n >= 0 and equality.shows(view, agreed.value):
            result.sides[view.side] = (view.cur, agreed.n)
        else:
            rest.append(view)
    if not rest:
        return result
    values = _distinct(rest, equality) if len(rest) > 1 else [rest[0].cur]
    if len(values) == 1:
        return _one_value(agreed, rest, values[0], rule, equality, result, now)
    return _several(agreed, rest, rule, equality, result, now)


def _follow(followers: Sequence[View], result: Merge, equality: Equality) -> Merge:
    """Sides without a say, after those that have one: each is taken in as it is, and owed what is agreed."""
    agreed = result.agreed
    for view in sorted(followers, key=_SIDE):
        if agreed.n < 0:
            result.sides[view.side] = (view.cur, view.shows)  # nobody who has a say said anything yet
        elif equality.shows(view, agreed.value):
            result.sides[view.side] = (view.cur, agreed.n)
        else:
            result.sides[view.side] = (view.cur, _behind(view, agreed))
            result.notes.append(Note("lost_to_policy", view.side, view.cur))
    return result


def _one_value(
    agreed: Agreed,
    rest: Sequence[View],
    value: Any,
    rule: Rule,
    equality: Equality,
    result: Merge,
    now: str,
) -> Merge:
    up_to_date = any(view.shows == agreed.n for view in rest)
    compatible = agreed.n >= 0 and equality.same(value, agreed.value)
    # A side whose value is seen for the first time overrules nobody where nothing was ever said. What somebody emptied
    # is a word of theirs: it and the value are two.
    fills = agreed.value is None and agreed.n == 0 and all(view.shows == -1 for view in rest)
    if up_to_date or compatible or fills:
        if compatible and not up_to_date:
            value = equality.finer(value, agreed.value)
        if fills:
            result.notes.extend(Note("filled", view.side, value) for view in rest)
        return _agree(agreed, rest, value, rest[0].side, equality, result, now)
    return _several(agreed, rest, rule, equality, result, now)


def _agree(
    agreed: Agreed, showing: Sequence[View], value: Any, source: str, equality: Equality, result: Merge, now: str
) -> Merge:
    n = agreed.n + 1
    for view in showing:
        exact = equality.shows(view, value)
        result.sides[view.side] = (view.cur, n if exact else view.shows)
    # Sides that had caught up with the former version are behind again.
    result.agreed = Agreed(value, n, source, now)
    return result


def _several(agreed: Agreed, rest: Sequence[View], rule: Rule, equality: Equality, result: Merge, now: str) -> Merge:
    behind = [view for view in rest if view.shows < agreed.n]
    first = all(view.shows == -1 for view in rest)
    policy = rule.first if first else rule.policy
    candidates = {view.side: Candidate(view.cur, view.at, view.by) for view in rest}
    if behind and agreed.n >= 0:
        candidates[AGREED] = Candidate(agreed.value, agreed.at, agreed.source)
    if policy == "append":
        text = _appended(agreed, rest)
        if text is not None:
            return _agree(agreed, rest, text, _latest(rest).side, equality, result, now)
    winner = _winner(policy, rule, rest, candidates, equality)
    if winner is None:
        for view in rest:
            result.sides[view.side] = (view.cur, view.shows)
        result.conflict = Conflict(candidates)
        return result
    value = candidates[winner].value
    for name, candidate in candidates.items():
        if name != winner and not equality.means(name, candidate.value, value):
            result.notes.append(Note("lost_to_policy", name, candidate.value))
    if winner == AGREED:
        for view in rest:
            result.sides[view.side] = (view.cur, _behind(view, agreed))
        return result
    return _agree(agreed, rest, value, winner, equality, result, now)


def _behind(view: View, agreed: Agreed) -> int:
    """The version of a side that shows something else than what is agreed and stays so: it is owed a write."""
    return min(view.shows, agreed.n - 1)


def _winner(
    policy: str, rule: Rule, rest: Sequence[View], candidates: Mapping[str, Candidate], equality: Equality
) -> str | None:
    """The candidate that the policy chooses; None if a person must."""
    if policy == "owner":
        mine = [view for view in rest if view.side == rule.owner]
        if mine:
            # What a side of unknown standing shows may be its own form of our value: it never wins by itself.
            return None if mine[0].shadow == UNSURE else mine[0].side
        # The owner did not move: what it said stands, if what is agreed came to be shown there.
        return AGREED if AGREED in candidates else None
    if policy == "newest" and AGREED not in candidates:
        return _newest(rest, rule, equality)
    if policy == "rank" and all(candidate.value in rule.order for candidate in candidates.values()):
        furthest = (min if rule.backward else max)(
            candidates, key=lambda name: rule.order.index(candidates[name].value)
        )
        showing = [view for view in rest if view.cur == candidates[furthest].value]
        if AGREED in candidates and candidates[AGREED].value == candidates[furthest].value:
            return AGREED
        return None if all(view.shadow == UNSURE for view in showing) else furthest
    return None


def _newest(rest: Sequence[View], rule: Rule, equality: Equality) -> str | None:
    if any(view.shadow == UNSURE or view.at is None for view in rest):
        return None
    best = _latest(rest)
    alike = [view for view in rest if len(_distinct([best, view], equality)) == 1]
    rivals = [view for view in rest if view not in alike]
    values = _distinct(alike, equality)
    if len(values) > 1 or (rivals and seconds_between(best.at or "", _latest(rivals).at or "") <= rule.grain):
        return None
    return next(view.side for view in alike if view.cur == values[0])


def _latest(views: Sequence[View]) -> View:
    return max(views, key=lambda view: view.at or "")


def _appended(agreed: Agreed, rest: Sequence[View]) -> str | None:
    """The agreed text with all that was added below it, in order of time; None if somebody did more than add lines."""
    added: list[str] = []
    for view in sorted(rest, key=lambda view: (view.at or "", str(view.cur))):
        before = view.shadow or ""
        if not isinstance(before, str) or not isinstance(view.cur, str) or not view.cur.startswith(before):
            return None
        more = view.cur[len(before) :]
        if before and not more.startswith("\n"):
            return None
        if more.strip() not in added:
            added.append(more.strip())
    return "\n\n".join(part for part in (agreed.value, *added) if part)


def _in_conflict(
    agreed: Agreed,
    views: Sequence[View],
    conflict: Conflict,
    rule: Rule,
    equality: Equality,
    now: str,
    in_doubt: bool,
) -> Merge:
    result = Merge(agreed=agreed, conflict=conflict)
    changed = [view for view in views if view.changed]
    if changed:
        # A candidate is never withdrawn: setting a value back is an answer too.
        candidates = dict(conflict.candidates)
        for view in changed:
            if rule.by_item and view.shadow != UNSURE:
                candidates = _with_items(agreed, candidates, view)
            else:
                candidates[view.side] = Candidate(view.cur, view.at, view.by)
            result.sides[view.side] = (view.cur, view.shows)
        conflict = Conflict(candidates, conflict.rev + 1, None)
        result.conflict = conflict
        if not in_doubt and len(_distinct(views, equality)) == 1:
            value = _distinct(views, equality)[0]
            n = agreed.n + 1
            for view in views:
                result.sides[view.side] = (view.cur, n)
            result.notes.append(Note("settled", changed[0].side, value))
            result.agreed, result.conflict = Agreed(value, n, changed[0].side, now), None
        return result
    decision = conflict.decision
    if decision is None:
        return result
    if decision.rev != conflict.rev:
        result.conflict = Conflict(conflict.candidates, conflict.rev, None)
        return result
    n = agreed.n + 1
    for view in views:
        if equality.shows(view, decision.value):
            result.sides[view.side] = (view.cur, n)
    result.notes.append(Note("decided", decision.by, decision.value))
    result.agreed, result.conflict = Agreed(decision.value, n, decision.by, now), None
    return result


def _merge_set(agreed: Agreed, changed: Sequence[View], result: Merge, now: str) -> Merge:
    """Three-way, element by element, each side against its own shadow. An addition beats a removal."""
    added: set[str] = set()
    removed: dict[str, str] = {}
    for view in changed:
        before = set() if view.shadow in (None, UNSURE) else set(view.shadow)
        after = set(view.cur or ())
        added |= after - before
        removed.update((element, view.side) for element in before - after)
    clash = added & removed.keys()
    result.notes.extend(Note("added_wins", removed[element], element) for element in sorted(clash))
    value = sorted((set(agreed.value or ()) | added) - (removed.keys() - added))
    if agreed.n < 0 or value != (agreed.value or []):
        result.agreed = Agreed(value, agreed.n + 1, changed[0].side, now)
    for view in changed:
        shown = (view.cur or []) == (result.agreed.value or [])
        result.sides[view.side] = (view.cur, result.agreed.n if shown else _behind(view, result.agreed))
    return result


def _merge_items(
    agreed: Agreed, changed: Sequence[View], rule: Rule, equality: Equality, result: Merge, now: str
) -> Merge:
    """Item by item, each side against its own shadow. A conflict is about items: each candidate is the whole list, with
    all that nobody disputes, and that side's wish for what is disputed."""
    looks = [_look(view) for view in changed]
    views = {view.side: view for view in changed}
    winners: dict[str, str | None] = {}
    asked: dict[str, list[str | None]] = {}
    for id, parties in contested(agreed.value or [], looks).items():
        mine = [views[side] for side in parties if side is not None]
        candidates = {view.side: Candidate(view.cur, view.at, view.by) for view in mine}
        if None in parties:
            candidates[AGREED] = Candidate(agreed.value, agreed.at, agreed.source)
        winner = _winner(rule.policy, rule, mine, candidates, equality)
        if winner is None:
            asked[id] = parties
            continue
        winners[id] = None if winner == AGREED else winner
        for name in sorted(candidates.keys() - {winner}):
            lost = next((each for each in candidates[name].value or () if each["id"] == id), None)
            result.notes.append(Note("lost_to_policy", name, [lost] if lost is not None else []))
    if asked:
        for view in changed:
            result.sides[view.side] = (view.cur, view.shows)
        told: dict[str, Candidate] = {}
        for party in sorted({party for parties in asked.values() for party in parties}, key=lambda each: each or ""):
            heard = winners | {id: party if party in parties else None for id, parties in asked.items()}
            value = folded(agreed.value or [], looks, heard)
            at, by = (views[party].at, views[party].by) if party else (agreed.at, agreed.source)
            told[party or AGREED] = Candidate(value, at, by)
        result.conflict = Conflict(told)
        return result
    value = folded(agreed.value or [], looks, winners)
    if not equality.same(value, agreed.value):
        result.agreed = Agreed(value, agreed.n + 1, changed[0].side, now)
    for view in changed:
        shown = equality.shows(view, result.agreed.value)
        result.sides[view.side] = (view.cur, result.agreed.n if shown else _behind(view, result.agreed))
    return result


def _with_items(agreed: Agreed, candidates: Mapping[str, Candidate], view: View) -> dict[str, Candidate]:
    """What a side did to its items while the question is open goes into every candidate that does not speak against it,
    and into its own in any case: whichever is chosen, nothing else is lost."""
    look, found, told = _look(view), {}, False
    for name, candidate in candidates.items():
        against = contested(candidate.value or [], [look])
        own = name == view.side
        value = folded(candidate.value or [], [look], dict.fromkeys(against, view.side if own else None))
        found[name] = Candidate(value, view.at, view.by) if own else Candidate(value, candidate.at, candidate.by)
        told = told or own or not against
    if not told:
        base = candidates[min(candidates)].value or [] if candidates else agreed.value or []
        found[view.side] = Candidate(folded(base, [look], {}), view.at, view.by)
    return found


def _look(view: View) -> Look:
    return Look(view.side, view.shadow or [], view.cur or [], view.at)


def _distinct(views: Sequence[View], equality: Equality) -> list[Any]:
    """The values shown, those that mean the same folded into the one that says most."""
    found: list[View] = []
    for view in views:
        for index, known in enumerate(found):
            if equality.same(view.cur, known.cur):
                if equality.finer(known.cur, view.cur) == view.cur:
                    found[index] = view
                break
            if view.cur == equality.shown(view.side, known.cur):
                break
            if known.cur == equality.shown(known.side, view.cur):
                found[index] = view
                break
        else:
            found.append(view)
    return [view.cur for view in found]


def seconds_between(a: str, b: str) -> float:
    """The distance of two times in the contract's form, in seconds."""
    return abs((datetime.fromisoformat(a) - datetime.fromisoformat(b)).total_seconds())
