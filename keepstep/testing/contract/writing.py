"""Writes: one outcome each, one gate each, only what changed, and nothing where nothing may be written."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.base import Outcome, Write
from connectors.errors import Fatal, GateClosed, RecordRefused, WriteForbidden
from connectors.sandbox.truth import Entry
from keepstep.testing.contract.ground import OTHER, Ground
from keepstep.testing.contract.world import World


class CountingGate:
    """Lets the first few requests through, and remembers where each stood in the service's list of requests."""

    def __init__(self, world: World, passes: int) -> None:
        self.world = world
        self.passes = passes
        self.stood: list[int] = []

    def __call__(self) -> None:
        if len(self.stood) >= self.passes:
            raise GateClosed("the lease is not ours any more")
        self.stood.append(len(self.world.core.requests))


class WritingContract(Ground):
    def ours(self, world: World, kind: str) -> list[Entry]:
        return [entry for entry in self.writes(world) if entry.kind == kind]

    def creates(self, world: World, count: int) -> list[Write]:
        return [
            self.write(world, "create", intent=f"c{n}", marker=f"ks-contract-{n}", values=self.values(world, n))
            for n in range(count)
        ]

    def test_a_create_is_done_and_reads_back(self, world: World) -> None:
        self.need(world, "create")
        (outcome,) = self.push(world, self.creates(world, 1))
        assert outcome.status == "done", outcome
        (entry,) = self.ours(world, "create")
        assert entry.id == outcome.id
        record = self.one(world, outcome.id or "")
        assert not record.deleted
        assert outcome.version in (None, record.version)

    def test_an_update_sends_only_what_changed(self, world: World) -> None:
        self.need(world, "update")
        id, other = self.target(world, 1), self.target(world, 2)
        before, untouched = self.one(world, id), world.core.records(self.stream)[other]
        world.clock.advance(2)
        (outcome,) = self.push(world, [self.write(world, "update", id=id)])
        assert (outcome.status, outcome.id) == ("done", id), outcome
        assert self.writes(world)
        for entry in self.writes(world):
            assert (entry.kind, entry.id) == ("update", id)
        changes = [pair for entry in self.ours(world, "update") for pair in entry.changes.items()]
        changed = {name for name, (old, new) in changes if old != new}
        assert set(self.edit) <= changed <= set(self.edit) | self.follows
        assert self.one(world, id).payload != before.payload
        assert world.core.records(self.stream)[other] == untouched

    def test_an_update_that_has_the_expected_version_is_done(self, world: World) -> None:
        if not self.need(world, "update").versioned:
            pytest.skip(f"{self.stream} is not versioned")
        id = self.target(world)
        world.clock.advance(self.idle)
        version = self.one(world, id).version
        (outcome,) = self.push(world, [self.write(world, "update", id=id, expected_version=version)])
        assert outcome.status == "done", outcome

    def test_a_delete_is_done_once_and_then_gone(self, world: World) -> None:
        self.need(world, "delete")
        id, kept = self.target(world, 1), self.target(world, 2)
        (outcome,) = self.push(world, [self.write(world, "delete", id=id)])
        assert (outcome.status, outcome.id) == ("done", id), outcome
        assert id not in world.core.records(self.stream)
        assert kept in world.core.records(self.stream)
        assert self.one(world, id).deleted
        (again,) = self.push(world, [self.write(world, "delete", id=id, intent="again")])
        assert again.status in ("gone", "done")
        assert len(self.ours(world, "delete")) == 1

    def test_an_archived_record_is_not_deleted(self, world: World) -> None:
        self.need(world, "archive")
        id = self.person_creates(world)
        (outcome,) = self.push(world, [self.write(world, "archive", id=id)])
        assert outcome.status == "done", outcome
        assert [entry.id for entry in self.writes(world)] == [id]
        assert self.ours(world, "delete") == []
        assert not self.one(world, id).deleted

    def test_what_is_not_declared_is_refused_not_tried(self, world: World) -> None:
        abilities = self.abilities(world)
        kinds: list[Any] = [kind for kind in ("create", "update", "delete", "archive") if not getattr(abilities, kind)]
        if not kinds or not (abilities.create or abilities.update or abilities.delete):
            pytest.skip(f"{self.stream}: every kind of write is declared, or none is")
        id = self.person_creates(world)
        self.warm(world)
        for kind in kinds:
            (outcome,) = self.push(world, [self.write(world, kind, id=None if kind == "create" else id)])
            assert outcome.status == "refused", (kind, outcome)
        assert self.writes(world) == []

    def mixed(self, world: World) -> tuple[list[Write], dict[str, tuple[str, ...]]]:
        """Good and hopeless writes side by side, and what may come of each."""
        abilities = self.abilities(world)
        writes: list[Write] = []
        expected: dict[str, tuple[str, ...]] = {}
        if abilities.create:
            writes += self.creates(world, 2)
            expected |= {"c0": ("done",), "c1": ("done",)}
        if abilities.update:
            first, second = self.target(world, 11), self.target(world, 12)
            writes.append(self.write(world, "update", intent="u1", id=first))
            writes.append(self.write(world, "update", intent="u-none", id=self.unknown))
            writes.append(self.write(world, "update", intent="u2", id=second))
            expected |= {"u1": ("done",), "u-none": ("gone",), "u2": ("done",)}
        if abilities.delete:
            writes.append(self.write(world, "delete", intent="d1", id=self.target(world, 13)))
            writes.append(self.write(world, "delete", intent="d-none", id=self.unknown))
            expected |= {"d1": ("done",), "d-none": ("gone",)}
        if not writes:
            pytest.skip(f"{self.stream} is read only")
        return writes, expected

    def test_each_write_has_one_outcome_in_order_and_one_bad_record_stops_no_other(self, world: World) -> None:
        writes, expected = self.mixed(world)
        outcomes = self.push(world, writes)
        assert [outcome.intent for outcome in outcomes] == [write.intent for write in writes]
        for outcome in outcomes:
            assert outcome.status in expected[outcome.intent], outcome
        done = {outcome.id for outcome in outcomes if outcome.status == "done"}
        assert {entry.id for entry in self.writes(world)} == done

    def test_two_writes_to_one_record_keep_their_order(self, world: World) -> None:
        self.need(world, "update")
        id = self.target(world)
        back = {name: value for name, value in self.values(world).items() if name in self.edit}
        if set(back) != set(self.edit):
            pytest.skip("the sample does not hold every edited field")
        first = self.write(world, "update", intent="1", id=id)
        second = self.write(world, "update", intent="2", id=id, values=back)
        before = self.one(world, id).payload
        outcomes = self.push(world, [first, second])
        assert [(each.intent, each.status) for each in outcomes] == [("1", "done"), ("2", "done")]
        after = self.one(world, id).payload
        for name in back:
            assert self.shown(after, name) == self.shown(before, name)

    def test_the_gate_is_asked_directly_before_every_request_that_writes(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        writes, _ = self.mixed(world)
        served: list[int] = []
        add = world.core.truth.add

        def told(**what: Any) -> Entry:
            entry = add(**what)
            if entry.ours:
                served.append(len(world.core.requests) - 1)
            return entry

        monkeypatch.setattr(world.core.truth, "add", told)
        gate = CountingGate(world, passes=1000)
        self.push(world, writes, gate)
        assert served
        assert set(served) <= set(gate.stood)
        assert len(set(gate.stood)) == len(gate.stood)
        assert not any(world.core.requests[at].startswith("GET ") for at in gate.stood)

    def test_a_closed_gate_lets_nothing_out(self, world: World) -> None:
        writes, expected = self.mixed(world)
        outcomes = self.push(world, writes, CountingGate(world, passes=0))
        assert [outcome.intent for outcome in outcomes] == [write.intent for write in writes]
        # What is known to be hopeless without a writing request may be told as such.
        for outcome in outcomes:
            assert outcome.status == "not_sent" or outcome.status in expected[outcome.intent]
            assert outcome.status != "done"
        assert self.writes(world) == []

    def test_a_gate_that_closes_on_the_way_parts_done_from_not_sent(self, world: World) -> None:
        batch = self.need(world, "create").batch
        outcomes = self.push(world, self.creates(world, 3), CountingGate(world, passes=1))
        statuses = [outcome.status for outcome in outcomes]
        done = statuses.count("done")
        assert statuses == ["done"] * done + ["not_sent"] * (3 - done)
        assert 1 <= done <= batch
        assert len({entry.id for entry in self.ours(world, "create")}) == done

    def test_a_stale_guarded_update_is_refused_and_changes_nothing(self, world: World) -> None:
        self.need(world, "guarded")
        id = self.person_creates(world)
        world.clock.advance(self.idle)
        version = self.one(world, id).version
        world.core.edit(OTHER, self.stream, id, self.edit)
        world.clock.advance(self.idle)
        held = world.core.records(self.stream)[id]
        back = {name: value for name, value in self.values(world).items() if name in self.edit}
        write = self.write(world, "update", id=id, expected_version=version, values=back or dict(self.edit))
        (outcome,) = self.push(world, [write])
        assert outcome.status == "stale", outcome
        assert world.core.records(self.stream)[id] == held
        assert self.writes(world) == []

    def test_an_answer_that_carries_the_record_carries_all_of_it(self, world: World) -> None:
        abilities = self.need(world, "returns_record")
        if abilities.create:
            self.is_whole(world, self.push(world, self.creates(world, 1))[0])
        if abilities.update:
            id = self.target(world, 21)
            world.clock.advance(2)
            self.is_whole(world, self.push(world, [self.write(world, "update", id=id)])[0])
        if abilities.update and abilities.create:
            (made,) = self.push(world, [self.write(world, "create", intent="m", marker="ks-contract-m")])
            self.is_whole(world, self.push(world, [self.write(world, "update", id=made.id)])[0])

    def is_whole(self, world: World, outcome: Outcome) -> None:
        assert outcome.record is not None, outcome
        read = self.one(world, outcome.id or "")
        # An answer may say more than a read does, never less.
        assert {name: outcome.record.payload.get(name, "absent") for name in read.payload} == read.payload
        for name in ("stream", "id", "version", "marker", "ours", "deleted", "scope"):
            assert getattr(outcome.record, name) == getattr(read, name) or (name, read.scope) == ("scope", None), name

    def test_an_outcome_without_that_ability_carries_no_half_record(self, world: World) -> None:
        if self.abilities(world).returns_record:
            pytest.skip(f"{self.stream} returns whole records")
        for outcome in self.push(world, self.mixed(world)[0]):
            if outcome.record is not None and not outcome.record.deleted:
                self.is_whole(world, outcome)

    def test_access_read_refuses_every_write_before_it_is_sent(self, world: World) -> None:
        abilities = self.abilities(world)
        if not (abilities.create or abilities.update or abilities.delete):
            pytest.skip(f"{self.stream} is read only")
        writes, expected = self.mixed(world)
        reader = world.connect("read")
        asked: list[None] = []
        # What is hopeless may be told as such by a connector that looks first.
        for write in (write for write in writes if expected[write.intent] == ("done",)):
            with pytest.raises(WriteForbidden):
                self.push(world, [write], gate=lambda: asked.append(None), connector=reader)
        assert asked == []
        assert self.writes(world) == []
        assert self.standing(self.pages(world, connector=reader)) == self.standing(self.pages(world))

    def test_a_read_only_stream_is_never_written(self, world: World) -> None:
        abilities = self.abilities(world)
        if abilities.create or abilities.update or abilities.delete or abilities.archive:
            pytest.skip(f"{self.stream} is written")
        id = self.person_creates(world)
        write = Write(intent="1", kind="update", id=id, values=dict(self.edit) or {"name": "x"})
        try:
            outcomes = self.push(world, [write])
        except (Fatal, RecordRefused):
            outcomes = []
        assert [outcome.status for outcome in outcomes] in ([], ["refused"])
        assert self.writes(world) == []
