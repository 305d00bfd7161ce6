"""What a rule says about a subject, and the words for it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, Literal

import msgspec


class Level(StrEnum):
    OK = "ok"
    DUE = "due"
    BREACHED = "breached"
    WAIVED = "waived"
    CANNOT_BE_JUDGED = "cannot_be_judged"


class Severity(StrEnum):
    """From mild to grave, in the order of ``SEVERITIES``."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


SEVERITIES: Final = tuple(Severity)


def raised(severity: Severity, by: int) -> Severity:
    """The severity so many steps graver, at most the gravest."""
    return SEVERITIES[min(SEVERITIES.index(severity) + by, len(SEVERITIES) - 1)]


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Something worth saying, as a code and its parameters."""

    code: str
    params: Mapping[str, Any] = {}


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """A rule's word on one expectation of one subject, on itself (``not_measured``), or on the past (``baseline``).

    ``key`` is the same in every round for the same matter, so that a finding is opened once and closed by it.
    """

    key: str
    shape: Literal["expectation", "not_measured", "baseline"]
    level: Level
    rule: str
    expectation: str
    subject: str | None = None
    title: str = ""
    missing: tuple[str, ...] = ()
    """What is not there yet, as the expectation names it."""
    since: str | None = None
    """When the clock started."""
    due_at: str | None = None
    owner_role: str
    owner: str | None = None
    """The person who holds that role, where known."""
    severity: Severity
    step: int = 0
    """How many escalation steps have been reached; people are told anew when it grows."""
    tell: tuple[str, ...] = ()
    """Roles to be told at this step."""
    why: str = ""
    """The code of the reason, where it cannot be judged or was waived."""
    params: Mapping[str, Any] = {}
    notes: tuple[Note, ...] = ()

    @property
    def code(self) -> str:
        """The code of the finding that this verdict is: ``handoff.breached``, ``handoff.not_measured``, ..."""
        return f"handoff.{self.level.value if self.shape == 'expectation' else self.shape}"


def key(rule: str, expectation: str, entity: str) -> str:
    """The stable key of a finding about one expectation of one entity."""
    return f"handoff:{rule}:{expectation}:{entity}"


class Waiver(msgspec.Struct, frozen=True, kw_only=True):
    """A person's word that an expectation need not be met. Without an expectation it covers the whole rule."""

    rule: str
    entity: str
    expectation: str | None = None
    by: str
    reason: str
    until: str | None = None
    """The last moment at which it holds; for ever if empty."""
