"""A handoff that a person waived needs nobody, for as long as that holds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from keepstep.engine import told, waivers
from keepstep.engine.handoffs import Level
from keepstep.store import tables as t
from tests.hub.conftest import Company


def findings(company: Company) -> dict[str, dict[str, Any]]:
    """Expectation -> the finding that tells of it."""
    with company.hub.store.read() as tx:
        rows = tx.all(sa.select(t.finding).where(t.finding.c.code.in_(waivers.WAIVABLE)))
    return {row["params"]["expectation"]: row for row in rows}


def late(company: Company) -> dict[str, Any]:
    """A won deal that nobody has started for weeks; one of the findings that say so."""
    company.deal(Stage="Qualification")
    company.rounds(2)
    deal = next(iter(company.cores["crm"].records("Deals")))
    company.cores["crm"].edit("Anna", "Deals", deal, {"Stage": "Closed Won"})
    company.rounds(2)
    company.clock.advance(timedelta(days=30).total_seconds())
    company.rounds(1)
    return next(row for _, row in sorted(findings(company).items()) if row["state"] == "open")


def levels(company: Company, expectation: str) -> list[Level]:
    hub = company.hub
    with hub.store.read() as tx:
        verdicts = told.verdicts_now(tx, hub.ports, hub.engine.world, hub.config)
    return [verdict.level for verdict in verdicts if verdict.expectation == expectation]


def test_it_is_waived_until_its_time_is_over_or_it_is_taken_back(company: Company) -> None:
    row = late(company)
    expectation = row["params"]["expectation"]
    hub = company.hub
    until = (company.clock.now() + timedelta(days=2)).date().isoformat()
    with hub.store.write() as tx:
        waivers.waive(tx, hub.ports, row, "Mei", "a small one", until)
    hub.judge()
    assert findings(company)[expectation]["state"] == "waived"
    assert levels(company, expectation) == [Level.WAIVED]
    company.clock.advance(timedelta(days=4).total_seconds())
    fresh = hub.judge()
    assert row["key"] in {finding.key for finding in fresh}
    assert findings(company)[expectation]["state"] == "open"
    with hub.store.write() as tx:
        waivers.waive(tx, hub.ports, row, "Mei", "for good", None)
    hub.judge()
    assert findings(company)[expectation]["state"] == "waived"
    with hub.store.write() as tx:
        waivers.withdraw(tx, hub.ports, row, "Mei")
    hub.judge()
    assert findings(company)[expectation]["state"] == "open"
    assert Level.WAIVED not in levels(company, expectation)


def test_the_others_are_told_of_as_before(company: Company) -> None:
    row = late(company)
    before = {name: each["state"] for name, each in findings(company).items()}
    with company.hub.store.write() as tx:
        waivers.waive(tx, company.hub.ports, row, "Mei", "a small one", None)
    company.hub.judge()
    after = {name: each["state"] for name, each in findings(company).items()}
    assert {name for name in after if after[name] != before[name]} == {row["params"]["expectation"]}
