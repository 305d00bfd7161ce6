"""Who is told, and how gravely, as a matter goes from due to breached and is left lying."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple

import msgspec

from keepstep.engine.handoffs.calendar import Calendar
from keepstep.engine.handoffs.verdict import Level, Note, Severity, raised


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """From ``after`` working days past the moment it became due (``due``: when the clock started) on."""

    level: Literal["due", "breached"]
    after: int = 0
    raise_by: int = 0
    """How many grades above the rule's own severity. While it is only due, the severity is always ``info``."""
    tell: tuple[str, ...] = ("owner",)
    """Roles; ``owner`` is the expectation's own."""


DEFAULT_STEPS: Final = (
    Step(level="due"),
    Step(level="breached"),
    Step(level="breached", after=3, raise_by=1, tell=("owner", "accountable")),
    Step(level="breached", after=10, raise_by=2, tell=("owner", "accountable", "account_manager")),
)


class Standing(NamedTuple):
    """How far up a matter has come."""

    step: int
    severity: Severity
    tell: tuple[str, ...]
    notes: tuple[Note, ...] = ()


def standing(
    steps: Sequence[Step],
    level: Level,
    severity: Severity,
    since: datetime,
    due: datetime,
    now: datetime,
    calendar: Calendar,
) -> Standing:
    """The last of the steps that has been reached; a matter that is neither due nor breached stands at none."""
    if level not in (Level.DUE, Level.BREACHED):
        return Standing(0, severity, ())
    reached: list[Step] = []
    years: set[int] = set()
    for step in ordered(steps):
        start = since if step.level == "due" else due
        if step.after:
            moment = calendar.add_working_days(start, step.after)
            years.update(moment.unknown_years)
            start = moment.at
        if now >= start:
            reached.append(step)
    notes = (Note(code="calendar_unknown_year", params={"years": sorted(years)}),) if years else ()
    grade = Severity.INFO if level is Level.DUE else raised(severity, max((s.raise_by for s in reached), default=0))
    return Standing(len(reached), grade, reached[-1].tell if reached else (), notes)


def ordered(steps: Sequence[Step]) -> list[Step]:
    """Steps in the order in which a matter comes to them."""
    return sorted(steps, key=lambda step: (step.level == "breached", step.after))
