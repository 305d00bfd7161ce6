"""Short histories of the company, each told so that one wrong engine cannot hide: the right one comes through them."""

from __future__ import annotations

from typing import Final

from keepstep.testing.company_steps import CompanyHistory, Step

ISSUES, CARDS = "tracker.issues", "board.cards"
TITLE, DESCRIPTION = 0, 2
"""Places of fields among those that people edit."""

ROUND, LET, WAIT = Step("round"), Step("let"), Step("wait", amount=90)
IN_STEP = (Step("task", stream=ISSUES), WAIT, ROUND, LET, ROUND, WAIT)
"""One task with its card. Jira's search knows minutes, so each look at it waits for the next one."""


def _story(*steps: Step, lags: dict[str, float] | None = None, deletes: str = "flag") -> CompanyHistory:
    syncs = ("customers", "projects", "tasks")
    return CompanyHistory(seed=1, syncs=syncs, lags=lags or {}, steps=steps, cards=True, deletes=deletes)


def _trouble(kind: str, match: str, times: int = 1) -> Step:
    return Step("fault", stream=CARDS, value=times - 1, match=match, kind=kind)  # type: ignore[arg-type]


def _edit(stream: str, field: int, value: int) -> Step:
    return Step("edit", stream=stream, field=field, value=value)


def _pounce(field: int, value: int) -> Step:
    """While we write to the card, a person edits it just before our request arrives."""
    return Step("pounce", amount=1, value=1, during=(_edit(CARDS, field, value),))


STORIES: Final[dict[str, CompanyHistory]] = {
    "X1": _story(*IN_STEP, _edit(ISSUES, TITLE, 1), WAIT, _pounce(TITLE, 2)),
    "X2": _story(Step("task", stream=ISSUES), WAIT, ROUND, LET, _trouble("lost_after", "POST .*/cards"), ROUND, ROUND),
    "X4": _story(*IN_STEP, _edit(ISSUES, TITLE, 1), WAIT, _trouble("lost_before", "PUT"), ROUND),
    "X5": _story(
        Step("customer"), Step("deal", amount=1), WAIT, ROUND, LET, ROUND, LET, ROUND, WAIT,
        _edit("tracker.epics", 1, 2), WAIT, _pounce(DESCRIPTION, 1),
    ),
    "X6": _story(*IN_STEP, _edit(CARDS, TITLE, 1), ROUND),
    "X7": _story(
        Step("task", stream=CARDS), WAIT, ROUND, LET, ROUND, Step("reconfigure"), ROUND, ROUND, LET, ROUND, LET, ROUND,
        lags={"tracker": 60.0}, deletes="propagate",
    ),
    "X15": _story(*IN_STEP, _edit(ISSUES, TITLE, 1), _edit(CARDS, TITLE, 2), WAIT, ROUND),
    "X21": _story(
        *IN_STEP, _edit(ISSUES, TITLE, 1), WAIT, _trouble("unavailable", "PUT", 3), ROUND, Step("calm"),
        _edit(CARDS, TITLE, 2), ROUND,
    ),
}  # fmt: skip
"""Sabotage -> a history that shows it."""
