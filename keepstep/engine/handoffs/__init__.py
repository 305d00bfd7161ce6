"""Handoffs: declared expectations across systems, with a clock. Pure: facts in, verdicts out."""

from keepstep.engine.handoffs.calendar import Calendar, CalendarInvalid, Deadline, Span
from keepstep.engine.handoffs.escalation import DEFAULT_STEPS, Step
from keepstep.engine.handoffs.facts import Setting
from keepstep.engine.handoffs.graph import Entity, Graph, Link
from keepstep.engine.handoffs.judge import judge
from keepstep.engine.handoffs.rules import Problem, Rule, RuleConfig, RulesInvalid, compiled
from keepstep.engine.handoffs.shipped import SHIPPED, shipped
from keepstep.engine.handoffs.summary import BASELINE_KEY, Score, scorecard
from keepstep.engine.handoffs.verdict import Level, Note, Severity, Verdict, Waiver

__all__ = [
    "BASELINE_KEY",
    "DEFAULT_STEPS",
    "SHIPPED",
    "Calendar",
    "CalendarInvalid",
    "Deadline",
    "Entity",
    "Graph",
    "Level",
    "Link",
    "Note",
    "Problem",
    "Rule",
    "RuleConfig",
    "RulesInvalid",
    "Score",
    "Setting",
    "Severity",
    "Span",
    "Step",
    "Verdict",
    "Waiver",
    "compiled",
    "judge",
    "scorecard",
    "shipped",
]
