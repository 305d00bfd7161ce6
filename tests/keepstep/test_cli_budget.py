"""What the commands say of a connection's budget."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from keepstep.store import tables as t
from keepstep.store.store import Store
from tests.keepstep.office import Office


@pytest.fixture
def office(tmp_path: Path) -> Office:
    made = Office(tmp_path)
    made.connections["crm"]["budget"] = 2_000
    return made


def drain(office: Office) -> None:
    """As if another process had spent what there was."""
    store = Store(f"sqlite:///{office.folder / 'keep.db'}", office.clock).open()
    with store.write() as tx:
        tx.execute(sa.update(t.allowance).values(left=0.0, at=store.now()))
    store.close()


def test_status_shows_what_is_used_and_what_may_be(office: Office) -> None:
    office.task("Sign")
    begun = len(office.crm.requests)
    office.keep("sync")
    used = sum(2 if "/deleted" in each else 1 for each in office.crm.requests[begun:])  # in credits
    assert f"crm: {used} of its budget used today (UTC), at most 2,000 in 24 hours" in office.keep("status").stdout
    (told,) = office.document("status", code=3)["budgets"]
    assert (told["connection"], told["used"], told["ceiling"]) == ("crm", used, 2_000)
    assert 500 - used < told["left"] < 500  # a quarter of it at once, and some came back since
    office.connections["crm"]["budget"] = "100%"
    office.keep("sync")
    assert office.document("status", code=3)["budgets"][0]["ceiling"] == office.crm.credits


def test_a_look_that_would_go_beyond_is_left_out_and_said(office: Office) -> None:
    office.task("Sign")
    office.keep("sync")
    drain(office)
    before = [each for each in office.crm.requests if "/Tasks" in each]
    result = office.keep("sync")
    assert "crm: looked at less often so as to stay within its budget" in result.stderr
    assert [each for each in office.crm.requests if "/Tasks" in each and "fields" not in each] == before
    assert office.document("sync", code=3)["slowed"] == ["crm"]
    office.settle(6 * 3600)
    assert office.document("sync", code=3)["slowed"] == []


def test_a_part_of_no_allowance_is_told(office: Office) -> None:
    office.connections["board"]["budget"] = "10%"
    office.keep("sync")
    assert "states no allowance" not in office.keep("findings").stdout  # Trello states a pace
    office.connections["board"]["budget"] = 700
    office.keep("sync")
    assert [each["connection"] for each in office.document("status")["budgets"]] == ["board", "crm"]
    del office.connections["board"]["budget"]
    office.keep("sync")
    assert [each["connection"] for each in office.document("status")["budgets"]] == ["crm"]


def test_a_plan_tells_reads_writes_and_the_share_of_the_quota(office: Office) -> None:
    office.task("Sign")
    (crm, board) = (office.document("plan", code=3)["forecast"][name] for name in ("crm", "board"))
    assert board["write"] == 1
    assert crm["calls"] == crm["sign_in"] + crm["look"]
    assert crm["quota"] == {"unit": "credits", "amount": office.crm.credits, "seconds": 86_400.0, "used": None}
    assert crm["share"] == pytest.approx(crm["units"] / office.crm.credits)


def test_a_plan_that_does_not_fit_is_carried_out_as_far_as_it_does(office: Office) -> None:
    for number in range(12):
        office.card(f"Card {number}")
    office.sync["create"] = {"crm.Tasks": {}}
    office.connections["crm"]["budget"] = 2_000
    office.keep("plan", "-o", str(office.folder / "plan"))
    drain(office)
    told = office.keep("plan")
    assert "the budget of crm stretches that over at least" in told.stdout
    drain(office)
    seconds = office.document("plan", code=3)["forecast"]["crm"]["stretched"]
    assert 60 < seconds < 3600
    drain(office)
    result = office.keep("apply", str(office.folder / "plan"), "--yes")
    assert result.exit_code == 3
    assert "crm.Tasks waits so that crm stays within its budget" in result.stderr
    assert result.stdout.count("waits, so as to stay within the budget") == 12
    assert office.crm.records("Tasks") == {}
    office.settle(12 * 3600)
    office.keep("apply", "--yes")
    assert len(office.crm.records("Tasks")) == 12
