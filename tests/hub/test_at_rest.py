"""What goes through all projects is left out of a round in which nothing moved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from keepstep.engine import moved, template, told
from tests.hub.conftest import Company


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The goings through everything, as they happen."""
    seen: list[str] = []

    def noted(name: str, right: Callable[..., Any]) -> Callable[..., Any]:
        def work(*args: Any) -> Any:
            seen.append(name)
            return right(*args)

        return work

    monkeypatch.setattr(told, "graph", noted("handoffs", told.graph))
    monkeypatch.setattr(template, "_folders", noted("folders", template._folders))
    return seen


def test_a_round_in_which_nothing_moved_does_not_go_through_the_whole(company: Company, gone: list[str]) -> None:
    company.deal(Stage="Closed Won")
    company.rounds(4)
    assert {"handoffs", "folders"} <= set(gone)
    hub = company.hub
    hub.follow_up()
    hub.judge()
    gone.clear()
    hub.follow_up()
    hub.judge()
    assert gone == []
    company.clock.advance(moved.AGAIN.total_seconds())
    hub.follow_up()
    hub.judge()
    assert gone == ["folders", "handoffs"]


def test_whatever_moved_is_seen_at_once(company: Company, gone: list[str]) -> None:
    _, deal = company.deal(Stage="Qualification")
    company.rounds(3)
    company.hub.follow_up()
    company.hub.judge()
    gone.clear()
    company.cores["crm"].edit("Anna", "Deals", deal, {"Stage": "Closed Won"})
    company.rounds(1)
    assert {"handoffs", "folders"} <= set(gone)
