"""Take in what the sides show: stored facts only, no request. The table itself is ``mapping.merge``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any

import msgspec

from keepstep.engine.carried import is_copy, of_its_own
from keepstep.engine.flips import Past, Step, flips
from keepstep.engine.oblivion import Unknown, doubt_deletes
from keepstep.engine.references import Outside, References, Unresolved
from keepstep.engine.state import EntityState, FieldState
from keepstep.engine.world import NoAnswer, Side, Sync
from keepstep.store.findings import Finding
from mapping.agreement import AGREED, Agreed, Candidate, Conflict, Equality, Merge, Rule, View
from mapping.fields import SILENT
from mapping.items import differing, pair
from mapping.merge import merge
from mapping.model import OF_ORIGIN, REQUIRED_PARENT, Form

AT_ONCE = timedelta(seconds=2)
"""Within so long after its making, what a record shows is still what it was made with; some times are whole seconds."""


class Noted(msgspec.Struct, kw_only=True):
    """What a look led to, beside the new state: lines for the audit."""

    audit: list[dict[str, Any]] = []


def absorb(
    states: Iterable[EntityState],
    sync: Sync,
    references: References,
    now: str,
    run: str | None,
    past: Past = MappingProxyType({}),
    unknown_of: Callable[[EntityState], Unknown] = lambda state: Unknown(),
) -> Noted:
    """Judge every field of every entity, and move agreed values, shadows and conflicts. Changes the states in place.

    ``past``: what was agreed on lately, by which a field that goes back and forth is known. ``unknown_of``: what
    the store does not know of an entity, if it was put back from a copy.
    """
    noted = Noted(audit=[])
    how = cache(lambda name: (sync.rule(name), sync.equality(name)))
    for state in states:
        see_links(state, sync, now, noted, run)
        judge_scope(state, sync)
        if state.parked:
            continue
        views, doubtful = look(state, sync, references)
        unknown = unknown_of(state)
        doubt_deletes(state, unknown)
        for name, seen in views.items():
            _field(state, name, seen, how, name in doubtful, now, run, noted, past.get((state.id, name), ()), unknown)
        if sync.carried is not None and state.under != state.value(REQUIRED_PARENT[sync.kind]):
            state.under = state.value(REQUIRED_PARENT[sync.kind])
            state.dirty = True
    return noted


def see_links(state: EntityState, sync: Sync, now: str, noted: Noted, run: str | None) -> None:
    """A record that is gone neither votes nor receives; one that came back is compared with its old shadows.

    Of fields that its side lacks, a link that is gone holds what was agreed while its record was known to be there:
    what comes later is an edit that whoever deleted it could not know of.
    """
    gone = sum(link.state == "gone" for link in state.links.values())
    for side, link in state.links.items():
        record = state.records.get(side)
        if record is None:
            continue
        if record["deleted"] and link.state == "live":
            link.state = "gone"
            known_until = max(record["seen_at"], link.linked_at)
            for name in sync.fields:
                if _lacks(sync, side, name):
                    agreed = state.agreed.get(name, Agreed())
                    link.fields[name] = FieldState(shows=agreed.n - (agreed.at > known_until))
        elif not record["deleted"] and link.state in ("gone", "deleted"):
            link.state = "live"
            link.fields = {name: each for name, each in link.fields.items() if not _lacks(sync, side, name)}
        else:
            continue
        state.touch(side)
        noted.audit.append(_line(now, run, f"record_{link.state}", state, side, None, {"record": link.record}))
    if gone and not any(link.state == "gone" for link in state.links.values()):
        # What was archived because of a delete is kept in step again once that delete is undone.
        for side, link in state.links.items():
            if link.state == "archived":
                link.state = "live"
                state.touch(side)


def _lacks(sync: Sync, side: str, name: str) -> bool:
    return side in sync.sides and sync.can(sync.sides[side], name) == "absent"


def judge_scope(state: EntityState, sync: Sync) -> None:
    """An entity that left the sync's ``where`` is parked: links and shadows stay, nothing is written. So is one that
    cannot be judged: what ought to stay out would be written otherwise."""
    seen: dict[str, dict[str, Any]] = {}
    for side, record in state.records.items():
        if not record["deleted"]:
            seen.setdefault(side.partition(".")[0], {}).update(record["shown"])
    try:
        parked = sync.scope is not None and not sync.scope(seen)
    except NoAnswer as error:
        parked, state.unjudged = True, str(error)
    if parked != state.parked:
        state.parked = parked
        state.dirty = True


def has_a_say(state: EntityState, sync: Sync, side: Side, name: str) -> bool:
    """Whether what the side shows of a field is looked at when the sides are compared."""
    record = state.records[side.name]
    if name not in sync.fields or of_its_own(state, sync, side.name, name):
        return False
    if name in OF_ORIGIN and (record["ours"] or record["marker"]):
        return False
    return sync.can(side, name) not in SILENT


def look(state: EntityState, sync: Sync, references: References) -> tuple[dict[str, list[View]], set[str]]:
    """Per field, what each side shows; and the fields on which some side has an open intent."""
    views: dict[str, list[View]] = {}
    doubtful: set[str] = set()
    for side_name, link in state.links.items():
        side = sync.sides.get(side_name)
        record = state.records.get(side_name)
        if side is None or record is None or link.state != "live" or record["deleted"]:
            continue
        if is_copy(state, sync, side_name):
            continue  # what it shows was said elsewhere: it has no say
        in_doubt = {name for intent in state.intents if intent["side"] == side_name for name in intent["fields"]}
        doubtful |= in_doubt
        for name, value in record["shown"].items():
            if name in in_doubt or not has_a_say(state, sync, side, name):
                continue
            try:
                cur = references.inward(sync.fields[name], value, side.connection.name)
            except (Unresolved, Outside):
                continue
            known = link.fields.get(name)
            views.setdefault(name, []).append(
                View(
                    side=side_name,
                    cur=cur,
                    shadow=known.shadow if known else None,
                    shows=known.shows if known else -1,
                    at=record["modified_at"],
                    by=record["modified_by"],
                    follows=bool(side.declared) and sync.can(side, name) == "follow",
                )
            )
    return views, doubtful


def _field(
    state: EntityState,
    name: str,
    views: list[View],
    how: Callable[[str], tuple[Rule, Equality]],
    in_doubt: bool,
    now: str,
    run: str | None,
    noted: Noted,
    past: Sequence[Step],
    unknown: Unknown,
) -> None:
    before = state.conflicts.get(name)
    if before is None and not unknown.made and not any(view.changed for view in views):
        return
    agreed = state.agreed.get(name, Agreed())
    own = {view.side: view.cur for view in views}
    rule, equality = how(name)
    if rule.by_item:
        views = _by_item(state, name, agreed, views)
    result = merge(agreed, views, before, rule, equality, now, in_doubt)
    if before is None:
        against = [] if rule.policy == "set" else unknown.stand_against(agreed, views, equality)
        moves = result.agreed is not agreed
        if against or (moves and flips(past, result.agreed.value, result.agreed.source)):
            result = asked(agreed, views, against)
    if result.agreed is not agreed:
        state.agreed[name] = result.agreed
        state.dirty = True
        params = {"from": agreed.value, "to": result.agreed.value, "n": result.agreed.n}
        if by := _brought_by(state, views, result.agreed):
            params["by"] = by
        noted.audit.append(_line(now, run, "agreed", state, result.agreed.source, name, params))
    for side, (_, shows) in result.sides.items():
        known = state.links[side].field(name)
        known.shadow, known.shows = own[side], shows
        state.touch(side)
    if result.conflict is not before:
        state.dirty_conflicts.add(name)
        if result.conflict is None:
            state.conflicts.pop(name, None)
            noted.audit.append(_line(now, run, "conflict_closed", state, None, name, {"value": result.agreed.value}))
        else:
            state.conflicts[name] = result.conflict
            state.opened.setdefault(name, now)
            noted.audit.append(_line(now, run, "conflict", state, None, name, _named(result.conflict)))
    for note in result.notes:
        noted.audit.append(_line(now, run, note.code, state, note.side, name, {"value": note.value}))


def _brought_by(state: EntityState, views: Iterable[View], agreed: Agreed) -> str | None:
    """The account that a value comes from, as far as its record tells. A first value was there before anybody looked:
    it is told of whoever made the record, if nobody has changed it since."""
    by = next((view.by for view in views if view.side == agreed.source), None)
    if by is None or agreed.n > 0:
        return by
    record = state.records[agreed.source or ""]
    made, changed = record["created_at"], record["modified_at"]
    new = made and changed and datetime.fromisoformat(changed) - datetime.fromisoformat(made) <= AT_ONCE
    return by if new else None


def _by_item(state: EntityState, name: str, agreed: Agreed, views: Iterable[View]) -> list[View]:
    """The views of a list with the ids that all sides know, so that it can be merged item by item."""
    conflict = state.conflicts.get(name)
    lists = [agreed.value, *(each.value for each in conflict.candidates.values())] if conflict else [agreed.value]
    known = {item["id"]: item for items in lists for item in items or ()}
    found = []
    for view in sorted(views, key=lambda view: view.side):
        field = state.links[view.side].field(name)
        shown = [each for each in (view.shadow, view.cur) if isinstance(each, list)]
        ids = pair(shown, list(known.values()), field.items or {})
        if ids != (field.items or {}):
            field.items = ids
            state.touch(view.side)
        cur, shadow = field.shared(view.cur), field.shared(view.shadow)
        if cur == shadow and view.changed:
            field.shadow = view.cur  # the side gave its items other ids, and nothing else
            state.touch(view.side)
        known = {item["id"]: item for item in cur or ()} | known
        found.append(msgspec.structs.replace(view, cur=cur, shadow=shadow))
    return found


def asked(agreed: Agreed, views: Iterable[View], against: Iterable[View] = ()) -> Merge:
    """Instead of agreeing once more: what changed stands against what is agreed, and a person decides."""
    changed = [view for view in views if view.changed and not view.follows]
    candidates = {view.side: Candidate(view.cur, view.at, view.by) for view in (*changed, *against)}
    candidates[AGREED] = Candidate(agreed.value, agreed.at, agreed.source)
    sides = {view.side: (view.cur, view.shows) for view in changed}
    return Merge(agreed=agreed, sides=sides, conflict=Conflict(candidates))


def open_conflict(
    state: EntityState, name: str, side: str, value: Any, at: str | None, by: str | None, now: str, run: str | None
) -> None:
    """A value that nobody else was shown stands against the agreed one: a person decides, and the audit names it."""
    known = state.conflicts.get(name)
    agreed = state.agreed.get(name, Agreed())
    candidates = dict(known.candidates) if known else {AGREED: Candidate(agreed.value, agreed.at, agreed.source)}
    candidates[side] = Candidate(state.links[side].field(name).shared(value), at, by)
    conflict = state.conflicts[name] = Conflict(candidates, known.rev + 1 if known else 1, None)
    state.opened.setdefault(name, now)
    state.dirty_conflicts.add(name)
    state.lines.append(_line(now, run, "conflict", state, None, name, _named(conflict)))


def scope_findings(states: Iterable[EntityState], sync: Sync) -> list[Finding]:
    """One finding for each entity of which nobody can tell whether it belongs to the sync."""
    return [
        Finding(
            key=f"scope_unjudged:{state.id}",
            code="scope_unjudged",
            sync=sync.name,
            entity=state.id,
            params={"title": state.title, "sync": sync.name, "reason": state.unjudged},
        )
        for state in states
        if state.unjudged is not None
    ]


def conflict_findings(states: Iterable[EntityState], sync: Sync, references: References) -> list[Finding]:
    """One finding for each open conflict, with both values, who, where and when."""
    found = []
    for state in states:
        for name, conflict in sorted(state.conflicts.items()):
            if name in sync.left_out or name not in sync.fields:
                continue  # what is not kept in step (any more) is nobody's question
            candidates = []
            disputed = _disputed(sync.fields[name], conflict)
            for side, candidate in sorted(conflict.candidates.items()):
                record = state.records.get(side)
                candidates.append(
                    {
                        "side": side,
                        "value": _readable(references, sync.fields[name], candidate.value, disputed),
                        "at": candidate.at,
                        "by": _author(references, side, candidate.by),
                        "url": record["url"] if record else None,
                    }
                )
            found.append(
                Finding(
                    key=f"conflict:{state.id}:{name}",
                    code="conflict",
                    severity="warning",
                    sync=sync.name,
                    entity=state.id,
                    params={
                        "entity": state.id,
                        "kind": sync.kind.value,
                        "title": state.title,
                        "field": name,
                        "rev": conflict.rev,
                        "candidates": candidates,
                        **({"items": list(disputed.values())} if disputed else {}),
                    },
                )
            )
    return found


def _disputed(form: Form, conflict: Conflict) -> dict[str, str]:
    """The items of a list that a conflict is about: id -> text."""
    return differing([each.value for each in conflict.candidates.values()]) if form is Form.LIST else {}


def _readable(references: References, form: Form, value: Any, disputed: Collection[str]) -> Any:
    """A value as people know it: persons and things by their names, not by our ids; of a list what it is about."""
    if value is None:
        return None
    if form is Form.LIST:
        return [item for item in value if item["id"] in disputed]
    if form is Form.PERSON:
        return references.people.name(value)
    if form is Form.REFS:
        return [references.title(each) for each in value]
    return references.title(value) if form is Form.REF else value


def _author(references: References, side: str, by: str | None) -> str | None:
    return references.people.author(side.partition(".")[0], by) if by is not None else None


def _named(conflict: Conflict) -> dict[str, Any]:
    return {"candidates": msgspec.to_builtins(conflict)}


def _line(
    now: str, run: str | None, code: str, state: EntityState, side: str | None, name: str | None, params: dict[str, Any]
) -> dict[str, Any]:
    return {
        "at": now,
        "run": run,
        "code": code,
        "entity": state.id,
        "side": side,
        "field": name,
        "params": msgspec.to_builtins(params),
    }
