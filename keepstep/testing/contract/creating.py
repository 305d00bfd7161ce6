"""Creates that happen once, and how each kind of marker finds them again."""

from __future__ import annotations

import pytest

from connectors.base import Record, Write, utc
from connectors.sandbox.faults import Kind
from keepstep.testing.contract.ground import Ground
from keepstep.testing.contract.world import World

MARKER = "ks-7f3a9c1e5b2d4860"
LOST: tuple[Kind, ...] = ("lost_after", "broken_after", "cut_off")
"""Trouble after the effect."""


class CreatingContract(Ground):
    def found(self, world: World, write: Write, since: str) -> list[Record]:
        """What the look after an unknown create finds, by the way that the stream declares."""
        match self.abilities(world).marker:
            case "reserved_id":
                ids = [write.reserved_id] if write.reserved_id else []
                return [record for record in world.connector.get(self.stream, ids) if not record.deleted]
            case "unique_field" | "in_create":
                return world.connector.find(self.stream, write.marker or "")
            case "fingerprint":
                return list(world.connector.made_since(self.stream, self.scope(world), since))
            case _:
                pytest.skip(f"{self.stream} has no marker: a lost create becomes a finding")

    def scope(self, world: World) -> str | None:
        """The scope of this stream's creates, as a person's record tells it."""
        return self.one(world, self.person_creates(world)).scope

    def test_a_create_whose_answer_is_lost_is_found_and_is_exactly_one(self, world: World) -> None:
        self.need(world, "create")
        for number, kind in enumerate(LOST):
            held = set(world.core.records(self.stream))
            since = utc(world.clock.now())
            self.warm(world)
            write = self.write(world, "create", marker=f"{MARKER}-{number}", intent=kind)
            self.fault(world, kind)
            (outcome,) = self.push(world, [write])
            assert outcome.status == "unknown", kind
            made = set(world.core.records(self.stream)) - held
            assert len(made) == 1, kind
            world.clock.advance(self.abilities(world).search_lag + 1)
            found = self.found(world, write, since)
            assert {record.id for record in found} == made, kind
            assert len(found) == 1, kind
            world.clock.advance(self.idle)

    def test_a_create_that_never_arrived_is_not_found(self, world: World) -> None:
        self.need(world, "create")
        held = set(world.core.records(self.stream))
        since = utc(world.clock.now())
        self.warm(world)
        write = self.write(world, "create", marker=MARKER)
        self.fault(world, "lost_before")
        (outcome,) = self.push(world, [write])
        assert outcome.status == "unknown"
        world.clock.advance(self.abilities(world).search_lag + 1)
        assert self.found(world, write, since) == []
        assert set(world.core.records(self.stream)) - held <= {record.id for record in self.persons(world)}

    def persons(self, world: World) -> list[Record]:
        held = list(world.core.records(self.stream))
        return [record for record in world.connector.get(self.stream, held) if not record.ours]

    def test_a_create_that_arrives_late_is_found_by_a_later_look(self, world: World) -> None:
        self.need(world, "create")
        since = utc(world.clock.now())
        self.warm(world)
        write = self.write(world, "create", marker=MARKER)
        self.fault(world, "late")
        (outcome,) = self.push(world, [write])
        assert outcome.status == "unknown"
        abilities = self.abilities(world)
        world.clock.advance(abilities.settle)
        self.one(world, self.unknown)  # the service wakes, and the late write takes effect
        world.clock.advance(abilities.search_lag + 1)
        assert len(self.found(world, write, since)) == 1

    def test_a_replayed_create_makes_no_twin(self, world: World) -> None:
        if self.need(world, "create").marker not in ("reserved_id", "unique_field"):
            pytest.skip(f"{self.stream} is looked up, never replayed")
        held = set(world.core.records(self.stream))
        write = self.write(world, "create", marker=MARKER)
        first, *_ = self.push(world, [write])
        world.clock.advance(self.idle)
        again, *_ = self.push(world, [write])
        assert (first.status, again.status) == ("done", "done")
        assert first.id == again.id
        assert set(world.core.records(self.stream)) - held == {first.id}

    def test_a_marker_is_on_the_record_and_not_in_its_payload(self, world: World) -> None:
        marker = self.need(world, "create").marker
        if marker == "none":
            pytest.skip(f"{self.stream} has no marker")
        write = self.write(world, "create", marker=MARKER)
        (outcome,) = self.push(world, [write])
        assert outcome.id
        world.clock.advance(self.idle)
        records = [self.one(world, outcome.id), *(r for r in self.pulled(world) if r.id == outcome.id)]
        for record in records:
            assert MARKER not in str(record.payload)
            assert record.ours or marker == "fingerprint"
            assert record.partial or record.marker == MARKER or marker in ("reserved_id", "fingerprint")
        if outcome.record is not None:
            assert MARKER not in str(outcome.record.payload)
        if marker == "reserved_id":
            assert outcome.id == write.reserved_id

    def pulled(self, world: World) -> list[Record]:
        return list(self.standing(self.pages(world)).values())

    def test_a_marker_outlives_an_update(self, world: World) -> None:
        if self.need(world, "create").marker not in ("unique_field", "in_create"):
            pytest.skip(f"{self.stream} carries no marker")
        self.need(world, "update")
        (outcome,) = self.push(world, [self.write(world, "create", marker=MARKER)])
        world.clock.advance(self.idle)
        self.push(world, [self.write(world, "update", id=outcome.id)])
        world.clock.advance(self.idle)
        assert [record.id for record in world.connector.find(self.stream, MARKER)] == [outcome.id]
        assert self.one(world, outcome.id or "").marker == MARKER

    def test_find_takes_no_marker_for_another(self, world: World) -> None:
        if self.need(world, "create").marker not in ("unique_field", "in_create"):
            pytest.skip(f"{self.stream} carries no marker")
        markers = [f"{MARKER}-1", f"{MARKER}-12"]
        made = [
            self.push(world, [self.write(world, "create", marker=marker, intent=marker)])[0].id for marker in markers
        ]
        world.clock.advance(self.idle)
        for marker, id in zip(markers, made, strict=True):
            assert [record.id for record in world.connector.find(self.stream, marker)] == [id]
        assert world.connector.find(self.stream, f"{MARKER}-2") == []

    def test_reserved_ids_differ_and_cost_nobody_a_record(self, world: World) -> None:
        if self.need(world, "create").marker != "reserved_id":
            pytest.skip(f"{self.stream} reserves no ids")
        ids = [*world.connector.reserve(self.stream, 3), *world.connector.reserve(self.stream, 2)]
        assert len(set(ids)) == 5
        assert all(record.deleted for record in world.connector.get(self.stream, ids))
        assert world.core.truth.writes() == []

    def test_made_since_tells_ours_alone_and_only_from_then_on(self, world: World) -> None:
        if self.need(world, "create").marker != "fingerprint":
            pytest.skip(f"{self.stream} needs no fingerprint")
        scope = self.scope(world)
        self.push(world, [self.write(world, "create", intent="before")])
        world.clock.advance(self.idle)
        since = utc(world.clock.now())
        self.person_creates(world)
        (outcome,) = self.push(world, [self.write(world, "create", intent="after")])
        world.clock.advance(1)
        assert [record.id for record in world.connector.made_since(self.stream, scope, since)] == [outcome.id]
