"""The rules that come with Keepstep."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from keepstep.engine.handoffs.rules import Problem, RuleConfig, RulesInvalid
from keepstep.engine.handoffs.vocabulary import nearest

# Asked twice on purpose: one kickoff with a date suffices, whatever the others lack; without one, a kickoff whose date
# no side carries leaves the question open instead of answering it with "none".
_DATED_KICKOFF: Final = (
    "kickoffs.exists(k, has(k.due_date) && k.due_date != null) || kickoffs.exists(k, k.due_date != null)"
)

_SHIPPED: Final[tuple[dict[str, Any], ...]] = (
    {
        "id": "won-deal-starts",
        "subject": "project",
        "when": 'subject.stage == "won"',
        "within": "2d",
        "starts": ["changed:stage", "linked"],
        "owner": "accountable",
        "severity": "error",
        "needs": {"fields": ["project.stage"]},
        "expect": [
            {"id": "tracker-record", "that": "linked.work", "needs": {"roles": ["work"]}},
            {"id": "project-folder", "that": "linked.documents", "needs": {"roles": ["documents"]}},
            {
                "id": "category-folders",
                "that": "categories.all(c, folders.exists(f, has(f.category) && f.category == c))",
                "missing": "categories.filter(c, !folders.exists(f, has(f.category) && f.category == c))",
                "severity": "warning",
                "needs": {"roles": ["documents"], "fields": ["folder.category"]},
            },
            {"id": "kickoff-dated", "that": _DATED_KICKOFF, "needs": {"roles": ["work"]}},
            {
                "id": "accountable-person",
                "that": "roles.accountable != null",
                "owner": "account_manager",
                "needs": {"fields": ["project.manager"]},
            },
        ],
    },
)

SHIPPED: Final[dict[str, RuleConfig]] = {rule["id"]: RuleConfig.model_validate(rule) for rule in _SHIPPED}


def shipped(ids: Iterable[str]) -> list[RuleConfig]:
    """The shipped rules of those names, in that order. Raises ``RulesInvalid`` for a name that there is not."""
    names = list(ids)
    unknown = [name for name in names if name not in SHIPPED]
    if unknown:
        raise RulesInvalid(
            [
                Problem(rule=name, part="use", code="unknown_rule", detail=name, nearest=nearest(name, SHIPPED))
                for name in unknown
            ]
        )
    return [SHIPPED[name] for name in names]
