"""``keepstep waive``: who says that a handoff need not be kept, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from keepstep.store import findings
from keepstep.store.findings import Finding
from keepstep.store.store import Store
from tests.keepstep.office import Office

PARAMS: dict[str, Any] = {
    "entity": "Website",
    "rule": "won-deal-starts",
    "expectation": "kickoff-dated",
    "missing": [],
    "since": "2026-11-01T09:00:00.000Z",
    "due_at": None,
    "owner": None,
    "why": "",
}


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """An office with two findings: ``h1`` tells of a handoff, ``h2`` of something else."""
    office = Office(tmp_path)
    assert office.keep("status").exit_code == 0
    store = Store(f"sqlite:///{tmp_path / 'keep.db'}", office.clock).open()
    ids = iter(("h1", "h2"))
    there = [
        Finding(key="handoff:won-deal-starts:kickoff-dated:e1", code="handoff_breached", params=PARAMS, entity="e1"),
        Finding(key="gone:e1", code="gone", params={"title": "Website", "side": "crm.Deals", "record": "1"}),
    ]
    with store.write() as tx:
        findings.report(tx, there, office.clock.now().isoformat(), lambda: next(ids))
    store.close()
    return office


def test_a_waived_handoff_needs_nobody_and_the_story_says_who_and_why(office: Office) -> None:
    assert office.keep("findings", "--code", "handoff_breached").exit_code == 3
    result = office.keep("waive", "h1", "--reason", "a small one", "--as", "Mei")
    assert result.exit_code == 0
    assert "need not be kept, says Mei" in result.stdout
    result = office.keep("findings", "--code", "handoff_breached")
    assert result.exit_code == 0
    assert "[waived]" in result.stdout
    assert "Mei waived a kickoff with a date (a won deal starts): a small one" in office.keep("timeline").stdout
    document = office.document("waive", "h1", "--withdraw", "--as", "Mei")
    assert (document["finding"]["state"], document["waived"]) == ("open", None)
    assert office.keep("findings", "--code", "handoff_breached").exit_code == 3


def test_until_is_a_day_or_a_moment_to_come(office: Office) -> None:
    document = office.document("waive", "h1", "--reason", "x", "--until", "2026-12-24")
    assert document["waived"]["until"] == "2026-12-24"
    document = office.document("waive", "h1", "--reason", "x", "--until", "2026-12-24T10:00+01:00")
    assert document["waived"]["until"] == "2026-12-24T09:00:00.000Z"
    assert "无需履行" in office.keep("--lang", "zh-CN", "waive", "h1", "--reason", "x").stdout


@pytest.mark.parametrize(
    "args",
    [
        ("h1",),
        ("h1", "--reason", " "),
        ("h1", "--reason", "x", "--withdraw"),
        ("h1", "--withdraw"),
        ("h2", "--reason", "x"),
        ("h3", "--reason", "x"),
        ("h1", "--reason", "x", "--until", "soon"),
        ("h1", "--reason", "x", "--until", "7d"),
        ("h1", "--reason", "x", "--until", "2020-01-01"),
        ("h1", "--reason", "x", "--until", "2020-01-01T10:00Z"),
    ],
)
def test_what_cannot_be_waived_so_is_wrong_usage(office: Office, args: tuple[str, ...]) -> None:
    before = office.document("findings", code=3)
    result = office.keep("waive", *args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert office.document("findings", code=3) == before
