"""Trouble on the way: read again or told, never an empty list; a write without a clear answer is unknown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectors.errors import AuthFailed, Transient
from connectors.sandbox.faults import Kind
from keepstep.testing.contract.ground import Ground
from keepstep.testing.contract.world import World

READ_TROUBLE: tuple[Kind, ...] = ("rate_limited", "unavailable", "cut_off", "html", "lost_before", "expired")
UNCLEAR: tuple[Kind, ...] = ("lost_before", "lost_after", "late", "unavailable", "broken_after", "html")
"""Trouble after which a write may have taken effect, for all that its sender can know."""


class TroubleContract(Ground):
    @pytest.mark.parametrize("kind", READ_TROUBLE)
    def test_one_fault_while_reading_costs_a_retry_or_is_told(self, world: World, kind: Kind) -> None:
        for n in range(3):
            self.person_creates(world, n)
        world.clock.advance(self.idle)
        whole = self.standing(self.pages(world))
        fresh = world.connect("write")
        self.fault(world, kind, match="")
        try:
            seen = self.standing(self.pages(world, connector=fresh))
        except (Transient, AuthFailed):
            seen = self.standing(self.pages(world, connector=fresh))
        assert seen == whole
        assert world.core.faults.injected == {kind: 1}

    @pytest.mark.parametrize("kind", READ_TROUBLE)
    def test_lasting_trouble_is_never_an_empty_list_nor_a_delete(self, world: World, kind: Kind) -> None:
        abilities = self.abilities(world)
        id, feed, connector = self.person_creates(world, 1), self.feed(world).name, world.connector
        world.clock.advance(self.idle)
        cursor = self.pages(world)[-1].cursor
        self.person_creates(world, 2)
        if abilities.create:
            (made,) = self.push(world, [self.write(world, "create", marker="ks-contract-9")])
            assert made.status == "done"
        world.clock.advance(self.idle)
        asks: dict[str, Callable[[], Any]] = {
            "pull": lambda: list(connector.pull(feed)),
            "pull on": lambda: list(connector.pull(feed, cursor)),
            "get": lambda: list(connector.get(self.stream, [id])),
            "ids": lambda: list(connector.ids(self.stream)),
        }
        if self.slow_feed:
            del asks["pull on"]
        if abilities.create and abilities.marker in ("unique_field", "in_create"):
            asks["find"] = lambda: connector.find(self.stream, "ks-contract-9")
        if abilities.create and abilities.marker == "fingerprint":
            scope = self.one(world, id).scope
            asks["made_since"] = lambda: list(connector.made_since(self.stream, scope, "2026-01-01T00:00:00.000Z"))
        self.warm(world)
        self.fault(world, kind, times=None, match="")
        for name, ask in asks.items():
            try:
                told = ask()
            except (Transient, AuthFailed):
                continue
            pytest.fail(f"{name} under {kind} answered {told}")
        world.core.faults.clear()
        world.clock.advance(self.idle)
        assert id in self.standing(self.pages(world))

    @pytest.mark.parametrize("write_kind", ["create", "update", "delete"])
    @pytest.mark.parametrize("kind", UNCLEAR)
    def test_a_write_without_a_clear_answer_is_unknown_and_sent_once(
        self, world: World, kind: Kind, write_kind: str
    ) -> None:
        self.need(world, write_kind)
        id = None if write_kind == "create" else self.target(world)
        write = self.write(world, write_kind, id=id, marker="ks-contract-9")
        self.warm(world)
        self.fault(world, kind)
        asked: list[None] = []
        (outcome,) = self.push(world, [write], gate=lambda: asked.append(None))
        assert outcome.status == "unknown", outcome
        assert outcome.intent == write.intent
        assert len(asked) == 1
        assert world.core.faults.injected == {kind: 1}
        world.clock.advance(self.idle)
        world.connector.check()
        assert len({entry.id for entry in self.writes(world)}) <= 1

    @pytest.mark.parametrize("write_kind", ["create", "update", "delete"])
    def test_a_write_held_back_by_a_limit_is_not_sent_and_says_until_when(self, world: World, write_kind: str) -> None:
        self.need(world, write_kind)
        id = None if write_kind == "create" else self.target(world)
        write = self.write(world, write_kind, id=id, marker="ks-contract-9")
        self.warm(world)
        self.fault(world, "rate_limited")
        (outcome,) = self.push(world, [write])
        assert outcome.status == "not_sent", outcome
        assert outcome.retry_after is not None
        assert outcome.retry_after > 0
        assert self.writes(world) == []
        (again,) = self.push(world, [write])
        assert again.status == "done", again
        assert len({entry.id for entry in self.writes(world)}) == 1

    def test_a_create_whose_answer_is_cut_off_is_unknown(self, world: World) -> None:
        self.need(world, "create")
        write = self.write(world, "create", marker="ks-contract-9")
        self.warm(world)
        self.fault(world, "cut_off")
        (outcome,) = self.push(world, [write])
        assert outcome.status == "unknown", outcome
        assert len({entry.id for entry in self.writes(world)}) == 1

    def test_trouble_with_one_request_leaves_the_others_their_outcomes(self, world: World) -> None:
        self.need(world, "create")
        writes = [
            self.write(world, "create", intent=f"c{n}", marker=f"ks-contract-{n}", values=self.values(world, n))
            for n in range(3)
        ]
        self.warm(world)
        self.fault(world, "lost_after")
        outcomes = self.push(world, writes)
        assert [outcome.intent for outcome in outcomes] == ["c0", "c1", "c2"]
        assert outcomes[0].status == "unknown"
        assert {outcome.status for outcome in outcomes} <= {"unknown", "done"}
        sent = [outcome for outcome in outcomes if outcome.status in ("unknown", "done")]
        assert len({entry.id for entry in self.writes(world) if entry.kind == "create"}) == len(sent)
