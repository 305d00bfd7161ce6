"""Optional parts of a connector: looking itself over, and taking our markers away again."""

from __future__ import annotations

import re

import pytest

from connectors.errors import GateClosed
from connectors.examining import Examines
from connectors.preparing import Prepares
from keepstep.testing.contract.ground import Ground, open_gate
from keepstep.testing.contract.world import World

FACET_MARKER = "ks-3c9a7f1e5b2d4860"


class FacetContract(Ground):
    def test_a_look_over_repeats_and_writes_nothing(self, world: World) -> None:
        if not isinstance(world.connector, Examines):
            pytest.skip(f"{world.description.system} does not look itself over")
        sent = len(world.core.requests)
        first = world.connector.examine()
        assert world.connector.examine() == first
        assert {symptom.severity for symptom in first} <= {"error", "warning", "info"}
        assert not [line for line in world.core.requests[sent:] if re.match(self.writing, line)]
        assert world.core.truth.writes() == []

    def test_unmarking_takes_our_marker_off_and_leaves_the_rest(self, world: World) -> None:
        connector = world.connector
        if not isinstance(connector, Prepares):
            pytest.skip(f"{world.description.system} adds nothing")
        if self.need(world, "create").marker not in ("unique_field", "in_create"):
            pytest.skip(f"{self.stream} carries no marker")
        (made,) = self.push(world, [self.write(world, "create", marker=FACET_MARKER)])
        world.clock.advance(self.idle)
        id, before = made.id or "", self.one(world, made.id or "")

        def closed() -> None:
            raise GateClosed("not ours any more")

        (held,) = connector.unmark(self.stream, [id], closed)
        if held.status == "refused":
            pytest.skip(f"{self.stream}: its marker is a part of the record, and stays")
        assert (held.intent, held.status) == (id, "not_sent")
        assert self.one(world, id).marker == FACET_MARKER
        outcomes = connector.unmark(self.stream, [id, self.unknown], open_gate)
        assert [(each.intent, each.status) for each in outcomes] == [(id, "done"), (self.unknown, "gone")]
        world.clock.advance(self.idle)
        after = self.one(world, id)
        assert after.marker is None
        assert not after.deleted
        for name in self.sample:
            assert self.shown(after.payload, name) == self.shown(before.payload, name)
        assert connector.find(self.stream, FACET_MARKER) == []
        (again,) = connector.unmark(self.stream, [id], open_gate)
        assert again.status == "done"
