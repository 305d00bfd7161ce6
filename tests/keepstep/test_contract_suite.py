"""The contract suite sees: each connector here breaks one promise, and the test of that promise fails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest

from connectors.base import Gate, Outcome, Page, Record, Write
from connectors.errors import Transient
from connectors.memory import Memory
from connectors.memory_service import STREAM, MemoryService, Traits
from connectors.sandbox.clock import START, VirtualClock
from connectors.sandbox.truth import Entry
from keepstep.testing.contract import ConnectorContract, World


class EmptyOnTrouble(Memory):
    def pull(self, feed: str, cursor: str | None = None) -> Iterator[Page]:
        try:
            yield from super().pull(feed, cursor)
        except Transient:
            yield Page(records=[], cursor=cursor or "0", last=True, complete=cursor is None)


class SkipsOnResume(Memory):
    def pull(self, feed: str, cursor: str | None = None) -> Iterator[Page]:
        yield from super().pull(feed, str(int(cursor) + 1) if cursor else None)


class ForgetsDeletes(Memory):
    def pull(self, feed: str, cursor: str | None = None) -> Iterator[Page]:
        for page in super().pull(feed, cursor):
            yield msgspec.structs.replace(page, records=[each for each in page.records if not each.deleted])


class LeavesOutUnknown(Memory):
    def get(self, stream: str, ids: Sequence[str]) -> Iterator[Record]:
        return (record for record in super().get(stream, ids) if not record.deleted)


class AsksTheGateOnce(Memory):
    def push(self, stream: str, writes: Sequence[Write], gate: Gate) -> Iterator[Outcome]:
        gate()
        yield from super().push(stream, writes, lambda: None)


class SwallowsOutcomes(Memory):
    def push(self, stream: str, writes: Sequence[Write], gate: Gate) -> Iterator[Outcome]:
        return (outcome for outcome in super().push(stream, writes, gate) if outcome.status != "gone")


class CallsUnknownDone(Memory):
    def push(self, stream: str, writes: Sequence[Write], gate: Gate) -> Iterator[Outcome]:
        for outcome in super().push(stream, writes, gate):
            yield msgspec.structs.replace(outcome, status="done") if outcome.status == "unknown" else outcome


class SendsEverything(Memory):
    def push(self, stream: str, writes: Sequence[Write], gate: Gate) -> Iterator[Outcome]:
        whole = [msgspec.structs.replace(each, values={"notes": "sent along", **each.values}) for each in writes]
        return super().push(stream, whole, gate)


class ForgetsMarkers(Memory):
    def push(self, stream: str, writes: Sequence[Write], gate: Gate) -> Iterator[Outcome]:
        return super().push(stream, [msgspec.structs.replace(each, marker=None) for each in writes], gate)


class WritesAnyway(Memory):
    def __init__(self, service: MemoryService, read_only: bool = False) -> None:
        super().__init__(service)


class IgnoresVersions(Memory):
    def push(self, stream: str, writes: Sequence[Write], gate: Gate) -> Iterator[Outcome]:
        return super().push(stream, [msgspec.structs.replace(each, expected_version=None) for each in writes], gate)


class AsksTwice(Memory):
    def pull(self, feed: str, cursor: str | None = None) -> Iterator[Page]:
        list(self.ids(feed))
        yield from super().pull(feed, cursor)


class SendsMail(MemoryService):
    def _create(self, *args: Any) -> Any:
        item = super()._create(*args)
        self.truth.entries[-1].notified = 3
        return item


class Suite(ConnectorContract):
    stream = STREAM
    sample = {"title": "Order the cables", "notes": "forty metres"}  # noqa: RUF012
    edit = {"title": "Order the new cables"}  # noqa: RUF012
    crowd = 120
    connector: type[Memory] = Memory
    service: type[MemoryService] = MemoryService

    def make(self, clock: VirtualClock) -> World:
        service = self.service(clock, traits=Traits(guarded=True))
        return World(
            core=service, clock=clock, connect=lambda access: self.connector(service, read_only=access == "read")
        )


def ready(connector: type[Memory] = Memory, service: type[MemoryService] = MemoryService) -> tuple[Suite, World]:
    suite = Suite()
    suite.connector, suite.service, suite.planted = connector, service, set()
    return suite, suite.make(VirtualClock(START))


BROKEN = [
    (EmptyOnTrouble, "test_lasting_trouble_is_never_an_empty_list_nor_a_delete", {"kind": "unavailable"}),
    (SkipsOnResume, "test_any_pages_cursor_resumes_and_past_plus_rest_is_the_full_read", {}),
    (ForgetsDeletes, "test_a_delete_is_seen", {}),
    (LeavesOutUnknown, "test_get_gives_one_record_for_each_distinct_id", {}),
    (AsksTheGateOnce, "test_the_gate_is_asked_directly_before_every_request_that_writes", {}),
    (SwallowsOutcomes, "test_each_write_has_one_outcome_in_order_and_one_bad_record_stops_no_other", {}),
    (CallsUnknownDone, "test_a_create_whose_answer_is_lost_is_found_and_is_exactly_one", {}),
    (SendsEverything, "test_an_update_sends_only_what_changed", {}),
    (ForgetsMarkers, "test_a_marker_is_on_the_record_and_not_in_its_payload", {}),
    (WritesAnyway, "test_access_read_refuses_every_write_before_it_is_sent", {}),
    (IgnoresVersions, "test_a_stale_guarded_update_is_refused_and_changes_nothing", {}),
    (AsksTwice, "test_a_pull_in_which_nothing_changed_costs_what_the_feed_declares", {}),
]


def run(suite: Suite, world: World, test: str, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]) -> None:
    wanted = {"monkeypatch": monkeypatch} if test.startswith("test_the_gate") else {}
    getattr(suite, test)(world, **wanted, **more)
    suite.was_quiet(world)


@pytest.mark.parametrize(("connector", "test", "more"), BROKEN, ids=[each[0].__name__ for each in BROKEN])
def test_a_broken_promise_is_seen(connector, test: str, more, monkeypatch: pytest.MonkeyPatch):
    run(*ready(), test, monkeypatch, more)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        run(*ready(connector), test, monkeypatch, more)


def test_mail_to_people_is_seen(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(AssertionError):
        run(*ready(service=SendsMail), "test_a_create_is_done_and_reads_back", monkeypatch, {})


def test_a_write_elsewhere_is_seen(monkeypatch: pytest.MonkeyPatch):
    suite, world = ready()
    world.core.truth.entries.append(
        Entry(n=0, at="", actor="keepstep", kind="update", stream="permissions", id="1", ours=True)
    )
    with pytest.raises(AssertionError):
        suite.was_quiet(world)
