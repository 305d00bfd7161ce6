"""Writes against the stand-in: what is sent, what comes of each, and what happens when the answer is lost."""

from __future__ import annotations

import pytest
from zoho_world import World

from connectors.base import Write
from connectors.errors import GateClosed
from connectors.sandbox.faults import Fault


def create(intent: str, marker: str | None = None, **values) -> Write:
    return Write(
        intent=intent, kind="create", marker=marker, values={"Deal_Name": "Portal", "Stage": "Qualification", **values}
    )


def test_a_create_is_an_upsert_by_our_field_alone_and_quiet(world: World):
    (outcome,) = world.push("Deals", create("1", marker="k-1"))
    (body,) = world.bodies("POST", "/Deals/upsert")
    assert body["duplicate_check_fields"] == ["Keepstep_Key"]
    assert body["trigger"] == []
    assert body["data"][0]["Keepstep_Key"] == "k-1"
    assert outcome.status == "done"
    assert outcome.version == "2026-11-02T01:00:00.000Z"
    (entry,) = world.core.truth.writes()
    assert not entry.automation
    (record,) = world.crm.get("Deals", [outcome.id or ""])
    assert (record.marker, record.ours) == ("k-1", True)
    assert "Keepstep_Key" not in record.payload


@pytest.mark.parametrize("kind", ["lost_after", "broken_after", "cut_off"])
def test_a_create_whose_answer_is_lost_is_found_again_and_a_replay_makes_no_second(world: World, kind):
    world.crm.describe()
    world.core.faults.switch_on(Fault(kind, match="POST .*upsert", times=1))
    (outcome,) = world.push("Deals", create("1", marker="k-1"))
    assert outcome.status == "unknown"
    (found,) = world.crm.find("Deals", "k-1")
    (again,) = world.push("Deals", create("1", marker="k-1"))
    assert again.id == found.id
    assert len(world.core.records("Deals")) == 1


def test_find_waits_for_the_index_and_does_not_take_a_marker_for_another(world: World):
    world.core.search_lag = 30
    world.push("Deals", create("1", marker="k-1"), create("2", marker="k-2"))
    assert world.crm.find("Deals", "k-1") == []
    world.clock.advance(world.crm.describe().stream("Deals").abilities.search_lag)
    (found,) = world.crm.find("Deals", "k-1")
    assert found.marker == "k-1"
    assert world.crm.find("Deals", "k-3") == []
    assert world.crm.find("Notes", "k-1") == []


def test_without_the_field_there_is_no_marker_and_a_create_is_a_plain_insert(world: World):
    world.core.remove_marker_field("Deals")
    assert world.crm.describe().stream("Deals").abilities.marker == "none"
    assert world.crm.describe().stream("Tasks").abilities.marker == "unique_field"
    (outcome,) = world.push("Deals", create("1", marker="k-1"))
    assert outcome.status == "done"
    assert "Keepstep_Key" not in world.bodies("POST", "/Deals")[0]["data"][0]


def test_a_guarded_update_is_refused_as_stale_when_a_person_was_faster(world: World):
    id = world.deal()
    version = next(iter(world.crm.get("Deals", [id]))).version
    world.clock.advance(5)
    world.core.edit("Bo Chen", "Deals", id, {"Deal_Name": "Bo's"})
    write = Write(intent="1", kind="update", id=id, expected_version=version, values={"Deal_Name": "ours"})
    (outcome,) = world.push("Deals", write)
    assert (outcome.status, outcome.code) == ("stale", "ALREADY_MODIFIED")
    assert world.sent("PUT", f"/Deals/{id}")[0].headers["If-Unmodified-Since"] == "2026-11-02T01:00:00+00:00"
    assert world.core.records("Deals")[id]["Deal_Name"] == "Bo's"
    now = next(iter(world.crm.get("Deals", [id]))).version
    fresh = Write(intent="2", kind="update", id=id, expected_version=now, values={"Deal_Name": "ours"})
    assert world.push("Deals", fresh)[0].status == "done"


def test_each_row_of_a_batch_has_its_own_outcome(world: World):
    taken = world.deal()
    world.core.edit("Bo Chen", "Deals", taken, {"Keepstep_Key": "held"})
    outcomes = world.push(
        "Deals",
        create("good", marker="k-1"),
        Write(intent="no stage", kind="create", marker="k-2", values={"Deal_Name": "x"}),
        create("bad stage", marker="k-3", Stage="Nowhere"),
        create("bad account", marker="k-4", Account_Name={"id": "1"}),
        Write(intent="gone", kind="update", id="111", values={"Deal_Name": "x"}),
        Write(intent="fine", kind="update", id=taken, values={"Amount": 5}),
        Write(intent="deleted", kind="delete", id=taken),
        Write(intent="never was", kind="delete", id="112"),
    )
    assert [(one.intent, one.status, one.field) for one in outcomes] == [
        ("good", "done", None),
        ("no stage", "refused", "Stage"),
        ("bad stage", "refused", "Stage"),
        ("bad account", "refused", "Account_Name"),
        ("gone", "gone", None),
        ("fine", "done", None),
        ("deleted", "done", None),
        ("never was", "gone", None),
    ]
    writing = [line for line in world.core.requests if not line.startswith(("GET", "POST /oauth"))]
    assert writing == ["POST /crm/v8/Deals/upsert", "PUT /crm/v8/Deals", "DELETE /crm/v8/Deals"]
    assert not any(entry.automation for entry in world.core.truth.writes())


def test_a_delete_with_an_expected_version_looks_first(world: World):
    id = world.deal()
    (outcome,) = world.push(
        "Deals", Write(intent="1", kind="delete", id=id, expected_version="2026-01-01T00:00:00.000Z")
    )
    assert (outcome.status, outcome.version) == ("stale", "2026-11-02T01:00:00.000Z")
    assert id in world.core.records("Deals")


def test_a_closed_gate_a_rate_limit_and_a_lost_answer_are_three_different_things(world: World):
    id = world.deal()
    world.crm.describe()
    write = Write(intent="1", kind="update", id=id, values={"Amount": 1})

    def closed() -> None:
        raise GateClosed("the lease is not ours")

    (outcome,) = world.crm.push("Deals", [write], closed)
    assert (outcome.status, world.core.records("Deals")[id]["Amount"]) == ("not_sent", None)
    world.core.faults.switch_on(Fault("rate_limited", match="PUT", times=1))
    (outcome,) = world.push("Deals", write)
    assert outcome.status == "not_sent"
    assert outcome.retry_after
    world.core.faults.switch_on(Fault("lost_after", match="PUT", times=1))
    (outcome,) = world.push("Deals", write)
    assert (outcome.status, world.core.records("Deals")[id]["Amount"]) == ("unknown", 1)
