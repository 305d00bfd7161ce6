"""What a sync's ``where`` leaves out, and what becomes of records that it has no answer for."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from keepstep.store import tables as t
from tests.hub.conftest import SYNCS, Company


def configured(company: Company, where: str | None) -> None:
    projects: dict[str, Any] = SYNCS["projects"] | {
        "sides": ["crm.Deals", "tracker.epics"],
        "create": {"tracker.epics": {"project": "ACME"}},
    }
    if where is not None:
        projects["where"] = where
    company.hub = company.build(syncs={"projects": projects}, handoffs={}, changes_to_tasks=None)


def titles(company: Company) -> list[str]:
    return sorted(raw["fields"]["summary"] for raw in company.cores["tracker"].records("epics").values())


def unjudged(company: Company) -> list[str]:
    open_ones = sa.select(t.finding).where(t.finding.c.code == "scope_unjudged", t.finding.c.state == "open")
    with company.hub.store.read() as tx:
        return [row["params"]["reason"] for row in tx.all(open_ones)]


@pytest.mark.parametrize("where", ["crm.name > 5", "crm.name + 1 == 2", 'entity.name.matches("(")', "1 / 0 == 1"])
def test_what_an_expression_has_no_answer_for_is_parked_and_told(company: Company, where: str) -> None:
    configured(company, where)
    company.deal(Deal_Name="Website")
    company.rounds(3)
    assert titles(company) == []
    assert len(unjudged(company)) == 1
    configured(company, 'crm.name == "Website"')
    company.rounds(3)
    assert titles(company) == ["Website"]
    assert unjudged(company) == []


@pytest.mark.parametrize(
    "where",
    ["crm.revenue.amount > 5", "due_date > 5", "entity.labels[0] > 5", "tracker.name.size() > 0", "crm.due_date > 5"],
)
def test_a_missing_value_leaves_a_record_where_it_belongs(company: Company, where: str) -> None:
    configured(company, where)
    company.deal(Deal_Name="Website", Amount=None, Closing_Date=None, Tag=[])
    company.rounds(3)
    assert titles(company) == ["Website"]
    assert unjudged(company) == []


def test_what_was_parked_is_in_step_again_once_there_is_no_where(company: Company) -> None:
    configured(company, 'crm.name != "Website"')
    company.deal(Deal_Name="Website")
    company.rounds(3)
    assert titles(company) == []
    configured(company, None)
    company.rounds(3)
    assert titles(company) == ["Website"]
