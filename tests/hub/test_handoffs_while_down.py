"""A handoff that is awaited stays so while a connection is down: it is told once, and its clock goes on."""

from __future__ import annotations

import sqlalchemy as sa

from connectors.sandbox.faults import Fault
from keepstep.store import tables as t
from tests.hub.conftest import Company


def told(company: Company) -> list[tuple[str, str, str]]:
    """Code, expectation and state of all that was told of handoffs."""
    with company.hub.store.read() as tx:
        rows = tx.all(sa.select(t.finding).where(t.begins(t.finding.c.key, "handoff:")))
    return sorted((row["code"], row["params"].get("expectation") or "", row["state"]) for row in rows)


def test_what_is_awaited_is_awaited_while_a_connection_is_down_and_is_late_in_time(company: Company) -> None:
    _, deal = company.deal()
    company.rounds(4)  # with the first write handoffs begin to count
    company.cores["crm"].edit("Anna", "Deals", deal, {"Stage": "Closed Won"})
    company.rounds(4)
    before = told(company)
    assert ("handoff_due", "kickoff-dated", "open") in before
    company.cores["tracker"].faults.switch_on(Fault("unavailable"))
    company.hub.reconnect()
    company.rounds(1)
    assert company.hub.down
    assert told(company) == before
    company.clock.advance(5 * 86_400)
    company.rounds(1)
    assert ("handoff_breached", "kickoff-dated", "open") in told(company)
    assert not [code for code, _, _ in told(company) if code == "handoff_not_measured"]
