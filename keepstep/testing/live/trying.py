"""The promises of one stream, tried on a handful of records of our own, with as few waits as the service allows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from connectors.base import Abilities, Connector, Feed, Outcome, Page, Record, Write, utc
from connectors.errors import ConnectorError, CursorLost, WriteForbidden
from connectors.preparing import Prepares
from connectors.proving import Trial
from keepstep.testing.live.place import Place, open_gate
from keepstep.testing.live.tried import Broken, NotTried, Tried, closed_gate, expect

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

OF_EDITS = (
    "an_update_sends_only_what_changed",
    "an_update_that_has_the_expected_version_is_done",
    "a_stale_guarded_update_is_refused_and_changes_nothing",
    "a_closed_gate_lets_nothing_out",
    "access_read_refuses_every_write_before_it_is_sent",
    "history_tells_old_and_new_value_who_and_when",
    "history_before_the_asked_time_is_left_out",
    "an_edit_is_seen_by_the_next_pull_and_its_version_is_newer",
    "a_marker_outlives_an_update",
    "two_writes_to_one_record_keep_their_order",
)
"""Promises that are tried by an edit."""


class Stream(Tried):
    """One stream: creates first, then reads, then changes, then what the feed shows of them."""

    def __init__(
        self, place: Place, trial: Trial, reader: Connector, parent: str | None, new_id: Callable[[], str]
    ) -> None:
        super().__init__(trial.stream)
        self.place = place
        self.trial = trial
        self.reader = reader
        self.parent = parent
        self.connector = place.connector
        self.able: Abilities = place.description.stream(trial.stream).abilities
        feeds = [feed for feed in place.description.feeds if trial.stream in feed.streams]
        self.feed: Feed | None = feeds[0] if feeds else None
        self._new_id = new_id
        self._number = 0
        self.markers: dict[str, str] = {}
        """Id of a record of ours -> its marker."""

    # -- short ways

    def need(self, held: object, reason: str = "not_declared") -> None:
        if not held:
            raise NotTried(reason)

    def write(self, kind: Any, id: str | None = None, **more: Any) -> Write:
        intent = self._new_id()
        if kind != "create":
            return Write(intent=intent, kind=kind, id=id, **more)
        self._number += 1
        reserved = self.connector.reserve(self.stream, 1)[0] if self.able.marker == "reserved_id" else None
        values = self.trial.create(self._number, self.parent)
        return Write(intent=intent, kind="create", values=values, marker=f"ks-{intent.lower()}", reserved_id=reserved)

    def send(self, *writes: Write, gate: Callable[[], None] = open_gate) -> list[Outcome]:
        outcomes = self.place.push(self.stream, writes, gate)
        expect([each.intent for each in outcomes] == [each.intent for each in writes], outcomes=len(outcomes))
        return outcomes

    def one(self, id: str) -> Record:
        found = list(self.connector.get(self.stream, [id]))
        expect(len(found) == 1 and found[0].id == id, records=len(found))
        return found[0]

    def pages(self, cursor: str | None = None) -> list[Page]:
        self.need(self.feed, "no_feed")
        return list(self.connector.pull(self.feed.name if self.feed else "", cursor))

    def of_stream(self, pages: Iterable[Page]) -> list[Record]:
        return [record for page in pages for record in page.records if record.stream == self.stream]

    def standing(self, pages: Iterable[Page]) -> dict[str, Record]:
        held: dict[str, Record] = {}
        for record in self.of_stream(pages):
            if record.deleted:
                held.pop(record.id, None)
            elif not record.forbidden:
                held[record.id] = record
        return held

    def indexed(self) -> None:
        """Wait until what was written is in every index."""
        self.place.clock.wait(self.able.search_lag + 1.0)

    def agree(self, pulled: Record, read: Record) -> None:
        if pulled.partial:
            return
        for name in ("version", "marker", "ours"):
            expect(getattr(pulled, name) == getattr(read, name), differs=name)
        for name in set(pulled.payload) & set(read.payload):
            expect(pulled.payload[name] == read.payload[name], differs=name)

    # -- the order of things

    def run(self) -> str | None:
        """Try everything; the id of a record that others may lie under. Without a create nothing can be tried."""
        with self.promise("what_is_written_is_described"):
            self._described()
        since, cursor = utc(self.place.clock.now()), self._cursor()
        with self.promise("a_create_is_done_and_reads_back"):
            self._create()
        ids = list(self.markers)
        if len(ids) < 4:
            return ids[0] if ids else None
        self._marked(ids)
        self.indexed()
        self._found(ids, since)
        self._read(ids, cursor)
        if self.able.update and self.trial.edit:
            self._edited(ids)
        else:
            for name in OF_EDITS:
                with self.promise(name):
                    self.need(False)
        with self.promise("unmarking_takes_our_marker_off_and_leaves_the_rest"):
            self._unmarked()
        cursor = self._cursor() or cursor
        self._gone(ids)
        self.indexed()
        self._seen_going(ids, cursor)
        return ids[0]

    def _cursor(self) -> str | None:
        try:
            return self.pages()[-1].cursor
        except (NotTried, ConnectorError):
            return None  # the promises about pulls will say so

    def _described(self) -> None:
        self.need(self.able.update and self.trial.edit)
        fields = {field.name: field for field in self.place.description.stream(self.stream).fields}
        for name in self.trial.edit:
            expect(name in fields and fields[name].writable, field=name)

    def _create(self) -> None:
        writes = [self.write("create") for _ in range(4)]
        outcomes = self.send(*writes)
        for write, outcome in zip(writes, outcomes, strict=True):
            if outcome.status == "done" and outcome.id:
                self.markers[outcome.id] = write.marker or ""
        for write, outcome in zip(writes, outcomes, strict=True):
            expect(outcome.status == "done", status=outcome.status, code=outcome.code, field=outcome.field)
            record = self.one(outcome.id or "")
            expect(not record.deleted, deleted=record.deleted)
            expect(outcome.version in (None, record.version), version="differs")
            expect(write.reserved_id in (None, outcome.id), reserved_id="not used")
            with self.promise("an_answer_that_carries_the_record_carries_all_of_it"):
                self.need(self.able.returns_record)
                expect(outcome.record is not None, record=None)
                told = outcome.record.payload if outcome.record is not None else {}
                lacks = sorted(name for name in record.payload if told.get(name) != record.payload[name])
                expect(not lacks, differs=lacks)
            with self.promise("an_outcome_without_that_ability_carries_no_half_record"):
                self.need(not self.able.returns_record, "not_concerned")
                told = outcome.record.payload if outcome.record is not None else record.payload
                expect(all(told.get(name) == value for name, value in record.payload.items()), record="half")
        with self.promise("a_replayed_create_makes_no_twin"):
            self.need(self.able.marker in ("reserved_id", "unique_field"))
            (again,) = self.send(writes[0])
            expect(again.status == "done" and again.id == outcomes[0].id, status=again.status)
        with self.promise("reserved_ids_differ_and_cost_nobody_a_record"):
            self.need(self.able.marker == "reserved_id")
            ids = [*self.connector.reserve(self.stream, 3), *self.connector.reserve(self.stream, 2)]
            expect(len(set(ids)) == 5, ids=len(set(ids)))
            expect(all(record.deleted for record in self.connector.get(self.stream, ids)), records="there")

    def _marked(self, ids: list[str]) -> None:
        with self.promise("a_marker_is_on_the_record_and_not_in_its_payload"):
            self.need(self.able.marker != "none")
            for id, marker in self.markers.items():
                record = self.one(id)
                expect(marker not in str(record.payload), payload="shows the marker")
                expect(record.ours or self.able.marker == "fingerprint", ours=record.ours)
                kept = record.marker == marker or self.able.marker in ("reserved_id", "fingerprint")
                expect(kept, marker="not on the record")

    def _found(self, ids: list[str], since: str) -> None:
        with self.promise("find_takes_no_marker_for_another"):
            self.need(self.able.marker in ("unique_field", "in_create"))
            for id in ids[:2]:
                found = [record.id for record in self.connector.find(self.stream, self.markers[id])]
                expect(found == [id], found=len(found))
                expect(self.connector.find(self.stream, f"{self.markers[id]}-2") == [], found="another")
        with self.promise("made_since_tells_ours_alone_and_only_from_then_on"):
            self.need(self.able.marker == "fingerprint")
            scope = self.one(ids[0]).scope
            made = {record.id for record in self.connector.made_since(self.stream, scope, since)}
            expect(set(ids) <= made, found=len(made & set(ids)))

    def settled(self) -> None:
        """What can only be seen a long time after everything was written."""
        if not self.markers or self.able.marker != "fingerprint":
            return
        with self.promise("made_since_tells_ours_alone_and_only_from_then_on"):
            scope, now = self.one(next(iter(self.markers))).scope, utc(self.place.clock.now())
            expect(not list(self.connector.made_since(self.stream, scope, now)), found="older ones")

    def _read(self, ids: list[str], cursor: str | None) -> None:
        ours = set(ids)
        with self.promise("a_new_record_is_seen_by_the_next_pull"):
            self.need(cursor, "no_feed")
            seen = {record.id for record in self.of_stream(self.pages(cursor))}
            expect(ours <= seen, seen=len(ours & seen), made=len(ours))
        with self.promise("a_pull_has_at_least_one_page_and_only_its_last_says_so"):
            pages = self.pages()
            expect([page.last for page in pages] == [False] * (len(pages) - 1) + [True], pages=len(pages))
            expect(all(page.cursor for page in pages), cursor="empty")
        with self.promise("every_record_has_a_key_its_stream_and_times_in_utc"):
            for record in (record for page in self.pages() for record in page.records):
                expect(bool(record.id) and record.stream in (self.feed.streams if self.feed else ()), key="missing")
                for moment in (record.created_at, record.modified_at):
                    expect(moment is None or INSTANT.fullmatch(moment) is not None, time="not UTC")
        with self.promise("two_full_pulls_are_equal"):
            first, second = self.standing(self.pages()), self.standing(self.pages())
            expect(first == second, first=len(first), second=len(second))
            expect(ours <= set(first), seen=len(ours & set(first)), made=len(ours))
        with self.promise("a_full_pull_shows_what_the_service_holds_and_what_get_tells"):
            pulled = self.standing(self.pages())
            for record in self.connector.get(self.stream, ids):
                expect(record.id in pulled, pulled="lacks one")
                self.agree(pulled[record.id], record)
        with self.promise("an_abandoned_pull_loses_nothing"):
            self.need(self.feed, "no_feed")
            first_page = next(self.connector.pull(self.feed.name if self.feed else ""))
            rest = self.pages(first_page.cursor)
            held = set(self.standing([first_page, *rest]))
            expect(ours <= held, seen=len(ours & held), made=len(ours))
        with self.promise("a_cursor_that_is_none_is_lost_or_shows_no_delete"):
            try:
                pages = self.pages("not a cursor")
            except CursorLost:
                pages = []
            expect(not any(each.deleted for each in self.of_stream(pages) if each.id in ours), deleted="shown")
        with self.promise("the_census_lists_what_is_live"):
            listed = [id for page in self.connector.ids(self.stream) for id in page]
            expect(len(set(listed)) == len(listed), twice=len(listed) - len(set(listed)))
            expect(ours <= set(listed), listed=len(ours & set(listed)), made=len(ours))
        with self.promise("get_gives_one_record_for_each_distinct_id"):
            unknown = [self.trial.unknown] if self.trial.unknown else []
            got = list(self.connector.get(self.stream, [*ids, *unknown, ids[0]]))
            expect(sorted(each.id for each in got) == sorted([*ids, *unknown]), asked=len(ids) + 1, got=len(got))
            expect({each.id for each in got if not each.deleted} == ours, unknown="live")
            expect(not list(self.connector.get(self.stream, [])), of_none="some")

    def _edited(self, ids: list[str]) -> None:
        kept, id = ids[0], ids[1]
        there: dict[str, Record] = {}
        with self.promise("get_gives_one_record_for_each_distinct_id"):
            there = {each: self.one(each) for each in (id, kept)}
        if not there:
            return
        before, untouched, since = there[id], there[kept], utc(self.place.clock.now())
        cursor = self._cursor()
        edit = dict(self.trial.edit)
        self.place.clock.wait(2.0)
        with self.promise("an_update_sends_only_what_changed"):
            (outcome,) = self.send(self.write("update", id, values=edit))
            expect(outcome.status == "done" and outcome.id == id, status=outcome.status, code=outcome.code)
            after = self.one(id)
            for name in self.trial.create(1, self.parent):
                same = self.trial.shown(after.payload, name) == self.trial.shown(before.payload, name)
                expect(same != (name in edit), field=name)
            expect(self.one(kept).payload == untouched.payload, another="changed")
        with self.promise("an_update_that_has_the_expected_version_is_done"):
            self.need(self.able.versioned)
            now = self.one(id).version
            (outcome,) = self.send(self.write("update", id, values=edit, expected_version=now))
            expect(outcome.status == "done", status=outcome.status)
        with self.promise("a_stale_guarded_update_is_refused_and_changes_nothing"):
            self.need(self.able.guarded)
            (outcome,) = self.send(self.write("update", id, values=edit, expected_version=before.version))
            expect(outcome.status == "stale", status=outcome.status)
        with self.promise("a_closed_gate_lets_nothing_out"):
            (outcome,) = self.send(self.write("update", kept, values=edit), gate=closed_gate)
            expect(outcome.status == "not_sent", status=outcome.status)
            expect(self.one(kept).payload == untouched.payload, record="changed")
        with self.promise("access_read_refuses_every_write_before_it_is_sent"):
            try:
                list(self.reader.push(self.stream, [self.write("update", kept, values=edit)], open_gate))
            except WriteForbidden:
                expect(self.one(kept).payload == untouched.payload, record="changed")
            else:
                raise Broken("raised=nothing")
        self._history(id, since)
        self.indexed()
        with self.promise("an_edit_is_seen_by_the_next_pull_and_its_version_is_newer"):
            self.need(cursor, "no_feed")
            seen = [record for record in self.of_stream(self.pages(cursor)) if record.id == id]
            expect(bool(seen), seen=0)
            now_read = self.one(id)
            self.agree(seen[-1], now_read)
            newer = before.version is None or (now_read.version is not None and now_read.version > before.version)
            expect(newer or not self.able.versioned, version="not newer")
        with self.promise("a_marker_outlives_an_update"):
            self.need(self.able.marker in ("unique_field", "in_create"))
            expect(self.one(id).marker == self.markers[id], marker="lost")
            expect([each.id for each in self.connector.find(self.stream, self.markers[id])] == [id], found="not")
        with self.promise("two_writes_to_one_record_keep_their_order"):
            back = {name: value for name, value in self.trial.create(2, self.parent).items() if name in edit}
            self.need(set(back) == set(edit), "not_declared")
            self.send(self.write("update", id, values=back))
            first = self.one(id).payload
            outcomes = self.send(self.write("update", id, values=edit), self.write("update", id, values=back))
            expect([each.status for each in outcomes] == ["done", "done"], status=[each.status for each in outcomes])
            last = self.one(id).payload
            for name in back:
                expect(self.trial.shown(last, name) == self.trial.shown(first, name), field=name)

    def _history(self, id: str, since: str) -> None:
        with self.promise("history_tells_old_and_new_value_who_and_when"):
            self.need(self.able.history)
            changes = [each for each in self.connector.history(self.stream, [id], since) if each.id == id]
            told = {change.field for change in changes}
            expect(bool(told & set(self.trial.edit)), fields=sorted(told))
            for change in changes:
                expect(change.old != change.new, field=change.field, old_and_new="equal")
                expect(change.ours, ours=change.ours)
                expect(INSTANT.fullmatch(change.at) is not None, time="not UTC")
        with self.promise("history_before_the_asked_time_is_left_out"):
            self.need(self.able.history)
            self.place.clock.wait(2.0)
            later = list(self.connector.history(self.stream, [id], utc(self.place.clock.now())))
            expect(not later, changes=len(later))

    def _unmarked(self) -> None:
        connector = self.connector
        if not isinstance(connector, Prepares) or self.able.marker not in ("unique_field", "in_create"):
            raise NotTried("not_declared")
        (made,) = self.send(self.write("create"))
        expect(made.status == "done", status=made.status)
        id = made.id or ""
        before = self.one(id)
        (held,) = connector.unmark(self.stream, [id], closed_gate)
        self.need(held.status != "refused")
        expect(held.status == "not_sent" and self.one(id).marker is not None, status=held.status)
        for _ in range(2):
            (outcome,) = connector.unmark(self.stream, [id], open_gate)
            expect(outcome.status == "done", status=outcome.status)
        after = self.one(id)
        expect(after.marker is None and not after.deleted, marker="still there")
        for name in self.trial.values:
            same = self.trial.shown(after.payload, name) == self.trial.shown(before.payload, name)
            expect(same, field=name)

    def _gone(self, ids: list[str]) -> None:
        kept, going, archived = ids[0], ids[2], ids[3]
        with self.promise("a_delete_is_done_once_and_then_gone"):
            self.need(self.able.delete)
            (outcome,) = self.send(self.write("delete", going))
            expect(outcome.status == "done" and outcome.id == going, status=outcome.status)
            expect(self.one(going).deleted, deleted=False)
            expect(not self.one(kept).deleted, another="deleted")
            (again,) = self.send(self.write("delete", going))
            expect(again.status in ("gone", "done"), status=again.status)
        with self.promise("each_write_has_one_outcome_in_order_and_one_bad_record_stops_no_other"):
            self.need(self.trial.unknown and self.able.update and self.trial.edit)
            edit = dict(self.trial.edit)
            writes = [self.write("create"), self.write("update", self.trial.unknown, values=edit), self.write("create")]
            outcomes = self.send(*writes)
            expect([each.status for each in outcomes] == ["done", "gone", "done"], status=[e.status for e in outcomes])
        with self.promise("an_archived_record_is_not_deleted"):
            self.need(self.able.archive)
            (outcome,) = self.send(self.write("archive", archived))
            expect(outcome.status == "done", status=outcome.status)
            expect(not self.one(archived).deleted, deleted=True)
        with self.promise("what_is_not_declared_is_refused_not_tried"):
            kinds = [kind for kind in ("update", "delete", "archive") if not getattr(self.able, kind)]
            self.need(kinds, "all_declared")
            for kind in kinds:
                values = dict(self.trial.edit) or {"name": "x"}
                (outcome,) = self.send(self.write(kind, kept, values=values if kind == "update" else {}))
                expect(outcome.status == "refused", kind=kind, status=outcome.status)

    def _seen_going(self, ids: list[str], cursor: str | None) -> None:
        with self.promise("a_delete_is_seen"):
            self.need(self.able.delete)
            going = ids[2]
            expect(going not in self.standing(self.pages()), full_pull="shows it")
            if self.feed is not None and self.feed.deletes and cursor is not None:
                seen = [record for record in self.of_stream(self.pages(cursor)) if record.id == going]
                expect(bool(seen) and (seen[-1].deleted or seen[-1].partial), seen=len(seen))
            else:
                listed = {id for page in self.connector.ids(self.stream) for id in page}
                expect(going not in listed, census="lists it")
