"""After the day everything is proven to be in step, but for what a finding tells of."""

from __future__ import annotations

from keepstep.engine.strays import Census
from keepstep.engine.verify import Checked
from keepstep.store import tables as t
from tests.demo.conftest import Played


def verified(played: Played) -> list[Checked]:
    hub = played.hub
    return [each for sync in hub.syncs() for each in hub.engine.verifier(sync).links()]


def test_every_link_is_in_step_or_an_open_finding_explains_why(played: Played) -> None:
    writes = {name: len(core.truth.writes()) for name, core in played.day.stage.cores.items()}
    found = verified(played)
    with played.hub.store.read() as tx:
        findings = {row["id"]: row["code"] for row in tx.all(t.finding.select().where(t.finding.c.state == "open"))}
        assert len(tx.all(t.link.select())) == len(found)
    differing = [each for each in found if each.differs]
    assert {findings[point.finding or ""] for each in differing for point in each.fields} == {
        "conflict",
        "assignee_unmatched",
    }
    assert {each.standing for each in found} == {"even", "asked", "parked"}
    assert writes == {name: len(core.truth.writes()) for name, core in played.day.stage.cores.items()}


def test_nothing_of_ours_is_without_a_place(played: Played) -> None:
    for sync in played.hub.syncs():
        census = Census(played.hub.ports, sync)
        assert (list(census.strays()), census.failed) == ([], {})
