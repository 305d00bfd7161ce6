"""What is read beside a run."""

from __future__ import annotations

from connectors.memory_service import STREAM
from keepstep.store import findings
from keepstep.store.findings import Finding
from pipelines import hubs, reports, rounds
from tests.pipelines.conftest import Company


def test_a_held_plan_names_each_write_and_why_it_waits(company: Company, keeper: hubs.Keeper) -> None:
    company.services["one"].create("Ada", STREAM, {"title": "a | b [x](javascript:y)"})
    hub = keeper.hub()
    rounds.tick(hub)
    page = reports.plan(hub, "tasks")
    assert page is not None
    assert page.startswith("# Plan of tasks\n")
    assert "first plan of tasks" in page
    assert "| create | two.items | Plan the kickoff | " in page
    assert r"a \| b \[x\](javascript:y)" in page
    company.approve(hub)
    company.clock.advance(60)
    rounds.tick(hub)
    assert reports.plan(hub, "tasks") is None


def test_findings_come_gravest_first_and_in_the_reader_s_words(company: Company, keeper: hubs.Keeper) -> None:
    hub = keeper.hub()
    there = [
        Finding(key="a", code="record_refused", severity="info", params={"lacking": "all"}),
        Finding(key="b", code="connection_failed", severity="error", params={"connection": "crm", "reason": "<b>"}),
    ]
    with hub.store.write() as tx:
        findings.report(tx, there, hub.ports.now(), hub.ports.new_id)
    lines = reports.findings(hub).splitlines()
    assert lines[-2].startswith(r"| error | crm failed: \<b\> | since ")
    assert lines[-1].startswith(r"| news | record\_refused: ")


def test_without_findings_the_page_says_so(keeper: hubs.Keeper) -> None:
    assert reports.findings(keeper.hub()) == "# Open findings\n\n\nNone.\n"


def test_a_scorecard_needs_a_rule_in_use(company: Company, keeper: hubs.Keeper) -> None:
    assert reports.handoffs(keeper.hub()) is None
    company.write(more="handoffs: {use: [won-deal-starts]}\n")
    page = reports.handoffs(keeper.hub())
    assert page is not None
    assert page.startswith("# Handoffs\n")
    assert "| rule | ok | due | breached | waived | cannot be judged | late before |" in page
