"""The judge: rules and a snapshot of the graph in, verdicts out. Nothing is read, written or remembered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from connectors.base import utc
from keepstep.engine.handoffs.calendar import Calendar, Deadline
from keepstep.engine.handoffs.escalation import standing
from keepstep.engine.handoffs.facts import Facts, Setting, Unjudged, absent, moment
from keepstep.engine.handoffs.graph import Entity, Graph
from keepstep.engine.handoffs.ownership import holder
from keepstep.engine.handoffs.rules import Expectation, Rule
from keepstep.engine.handoffs.summary import baseline, not_measured
from keepstep.engine.handoffs.verdict import SEVERITIES, Level, Note, Severity, Verdict, Waiver, key
from mapping.model import Kind


def judge(
    rules: Sequence[Rule],
    graph: Graph,
    now: datetime,
    since: datetime | None,
    waivers: Iterable[Waiver],
    calendar: Calendar,
    setting: Setting,
) -> list[Verdict]:
    """Every rule's word on every subject it is about, in an order that depends on nothing but the facts.

    ``since`` None: nothing has been applied yet, so handoffs count from now. What was already breached at ``since``
    comes as one ``baseline`` verdict; a rule (or expectations of it) whose sources are not connected as one
    ``not_measured``. Raises ValueError for times without a zone.
    """
    begun = since if since is not None else now
    for each in (now, begun):
        calendar.local(each)
    court = _Court(graph, now, begun, tuple(waivers), calendar, setting)
    verdicts: list[Verdict] = []
    measured: list[tuple[Rule, tuple[Expectation, ...]]] = []
    for rule in sorted(rules, key=lambda rule: rule.id):
        lacking = absent(rule.needs, setting)
        per = {each.id: absent(each.needs, setting) for each in rule.expectations}
        if lacking or any(per.values()):
            verdicts.append(not_measured(rule, lacking, per))
        live = () if lacking else tuple(each for each in rule.expectations if not per[each.id])
        if live:
            measured.append((rule, live))
    for kind in Kind:
        verdicts += court.sit([pair for pair in measured if pair[0].kind is kind], kind)
    late = [verdict for verdict in verdicts if court.was_late(verdict)]
    verdicts = [verdict for verdict in verdicts if not court.was_late(verdict)]
    verdicts.sort(key=lambda verdict: (verdict.rule, verdict.subject or "", verdict.shape, verdict.expectation))
    return verdicts + ([baseline(late, begun)] if late else [])


class _Clock(NamedTuple):
    started: datetime
    deadline: Deadline
    aged: bool
    """The start is when something happened, not merely when we first saw it."""


class _Court:
    """One sitting: everything that stays the same for all subjects."""

    def __init__(
        self,
        graph: Graph,
        now: datetime,
        since: datetime,
        waivers: Sequence[Waiver],
        calendar: Calendar,
        setting: Setting,
    ) -> None:
        self._graph = graph
        self._now = now
        self._since = since
        self._calendar = calendar
        self._setting = setting
        self._waivers = {
            (waiver.rule, waiver.expectation, waiver.entity): waiver
            # Of several, the one that holds longest is kept; an open end is the longest.
            for waiver in sorted(waivers, key=lambda w: (self._end(w), w.by, w.reason))
            if now <= self._end(waiver)
        }
        self._late: set[str] = set()

    def sit(self, rules: Sequence[tuple[Rule, tuple[Expectation, ...]]], kind: Kind) -> list[Verdict]:
        if not rules:
            return []
        wanted = frozenset().union(*(rule.variables for rule, _ in rules))
        verdicts: list[Verdict] = []
        for subject in self._graph.of(kind):
            facts = Facts(subject, self._graph, self._setting, self._calendar, self._now, self._since, wanted)
            for rule, expectations in rules:
                try:
                    if not facts.holds(rule.when):
                        continue
                except Unjudged as trouble:
                    verdicts.append(self._verdict(rule, None, subject, Level.CANNOT_BE_JUDGED, unjudged=trouble))
                    continue
                verdicts += [self._expect(rule, each, subject, facts) for each in expectations]
        return verdicts

    def was_late(self, verdict: Verdict) -> bool:
        return verdict.level is Level.BREACHED and verdict.key in self._late

    def _end(self, waiver: Waiver) -> datetime:
        """The last moment of a waiver; a day is meant whole. Raises ValueError if it is no date."""
        if waiver.until is None:
            return datetime.max.replace(tzinfo=UTC)
        end = moment(waiver.until, self._calendar.zone)
        if end is None:
            raise ValueError(f"waiver of {waiver.rule} for {waiver.entity}: until {waiver.until} is no date")
        return end if "T" in waiver.until else end + timedelta(days=1)

    def _expect(self, rule: Rule, each: Expectation, subject: Entity, facts: Facts) -> Verdict:
        clock = self._clock(each, subject)
        waiver = self._waivers.get((rule.id, each.id, subject.id)) or self._waivers.get((rule.id, None, subject.id))
        unjudged: Unjudged | None = None
        level = Level.OK
        missing: tuple[str, ...] = ()
        try:
            if not facts.holds(each.that):
                missing = self._missing(each, facts)
                level = self._lateness(clock)
        except Unjudged as trouble:
            level, unjudged = Level.CANNOT_BE_JUDGED, trouble
        if level is not Level.OK and waiver is not None:
            return self._verdict(rule, each, subject, Level.WAIVED, clock=clock, missing=missing, waiver=waiver)
        verdict = self._verdict(rule, each, subject, level, clock=clock, missing=missing, unjudged=unjudged)
        if level is Level.BREACHED and clock is not None and self._before_counting(clock):
            self._late.add(verdict.key)
        return verdict

    def _before_counting(self, clock: _Clock) -> bool:
        """Late already when counting began; so is what was first seen before that, for its age is unknown."""
        return clock.deadline.latest <= self._since or (not clock.aged and clock.started <= self._since)

    def _missing(self, each: Expectation, facts: Facts) -> tuple[str, ...]:
        if each.missing is None:
            return (each.id,)
        named = facts.ask(each.missing)
        if not isinstance(named, list):
            raise Unjudged("not_a_list", answer=type(named).__name__)
        return tuple(str(name) for name in named) or (each.id,)

    def _clock(self, each: Expectation, subject: Entity) -> _Clock | None:
        for start in each.starts:
            how, _, name = start.partition(":")
            value: datetime | None = None
            if how == "changed":
                value = moment(subject.changed_at.get(name), self._calendar.zone)
            elif how == "field":
                value = moment(subject.values.get(name), self._calendar.zone)
            else:
                sides = self._setting.roles.get(name, ()) if name else None
                seen = [link.created_at for link in subject.links if sides is None or link.side in sides]
                value = moment(min(seen), self._calendar.zone) if seen else None
            if value is not None:
                if each.days is not None:
                    deadline = self._calendar.add_working_days(value, each.days)
                else:
                    deadline = self._calendar.add_working_hours(value, each.hours or 0)
                return _Clock(value, deadline, how != "linked")
        return None

    def _lateness(self, clock: _Clock | None) -> Level:
        if clock is None:
            raise Unjudged("clock_unknown")
        if self._now <= clock.deadline.earliest:
            return Level.DUE
        if self._now > clock.deadline.latest:
            return Level.BREACHED
        raise Unjudged("calendar_unknown_year", years=list(clock.deadline.unknown_years))

    def _verdict(
        self,
        rule: Rule,
        each: Expectation | None,
        subject: Entity,
        level: Level,
        *,
        clock: _Clock | None = None,
        missing: tuple[str, ...] = (),
        unjudged: Unjudged | None = None,
        waiver: Waiver | None = None,
    ) -> Verdict:
        expectation = each.id if each else "when"
        role = each.owner if each else rule.owner
        severity = each.severity if each else rule.severity
        notes: tuple[Note, ...] = ()
        step = 0
        tell: tuple[str, ...] = ()
        if level is Level.CANNOT_BE_JUDGED:
            severity = min(severity, Severity.WARNING, key=SEVERITIES.index)
        elif level in (Level.OK, Level.WAIVED):
            severity = Severity.INFO
        if clock is not None and clock.deadline.unknown_years:
            notes = (Note(code="calendar_unknown_year", params={"years": list(clock.deadline.unknown_years)}),)
        if clock is not None and level in (Level.DUE, Level.BREACHED):
            reached = standing(rule.steps, level, severity, clock.started, clock.deadline.at, self._now, self._calendar)
            step, severity = reached.step, reached.severity
            tell = tuple(role if name == "owner" else name for name in reached.tell)
            notes += tuple(note for note in reached.notes if note not in notes)
        why = ""
        params: Mapping[str, Any] = {}
        if unjudged is not None:
            why, params = unjudged.why, unjudged.params
        if waiver is not None:
            why, params = "waived", {"by": waiver.by, "reason": waiver.reason, "until": waiver.until}
        return Verdict(
            key=key(rule.id, expectation, subject.id),
            shape="expectation",
            level=level,
            rule=rule.id,
            expectation=expectation,
            subject=subject.id,
            title=subject.title,
            missing=missing,
            since=utc(clock.started) if clock else None,
            due_at=utc(clock.deadline.at) if clock else None,
            owner_role=role,
            owner=holder(role, subject, self._graph),
            severity=severity,
            step=step,
            tell=tell,
            why=why,
            params=params,
            notes=notes,
        )
