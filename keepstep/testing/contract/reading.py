"""Feeds, cursors, reads by id, history and the census."""

from __future__ import annotations

import re

import msgspec
import pytest

from connectors.base import Page, Record
from connectors.errors import CursorLost
from connectors.sandbox.clock import START, VirtualClock
from connectors.sandbox.exchange import Refusal
from connectors.undecoded import encodable
from keepstep.testing.contract.ground import OTHER, PERSON, Ground
from keepstep.testing.contract.world import World

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
TEN_YEARS = 10 * 365 * 86_400.0
FEW = 5
ODD_IDS = ("no such id", "../../x", "a/b?c=d#e", "身份", "%2e%2e", "1-a", "1:a", "-")


class ReadingContract(Ground):
    def several(self, world: World, count: int = FEW) -> set[str]:
        made = {self.person_creates(world, n) for n in range(count)}
        world.clock.advance(self.idle)
        return made

    def test_every_record_has_a_key_its_stream_and_times_in_utc(self, world: World) -> None:
        made = self.several(world)
        streams = self.feed(world).streams
        pages = self.pages(world)
        for record in (record for page in pages for record in page.records):
            assert isinstance(record.id, str)
            assert record.id
            assert record.stream in streams
            msgspec.json.encode(record, enc_hook=encodable)
            for moment in (record.created_at, record.modified_at):
                assert moment is None or INSTANT.fullmatch(moment), moment
        assert made <= set(self.standing(pages))
        if self.abilities(world).versioned:
            assert all(record.version for record in self.standing(pages).values() if not record.partial)

    def test_a_pull_has_at_least_one_page_and_only_its_last_says_so(self, world: World) -> None:
        for _ in range(2):
            pages = self.pages(world)
            assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
            assert not any(page.complete for page in pages[:-1])
            assert all(page.cursor for page in pages)
            self.several(world)

    def test_two_full_pulls_are_equal(self, world: World) -> None:
        made = self.several(world)
        first = self.standing(self.pages(world))
        assert self.standing(self.pages(world)) == first
        assert self.standing(self.pages(world, connector=world.connect("write"))) == first
        assert set(first) >= made

    def test_a_full_pull_shows_what_the_service_holds_and_what_get_tells(self, world: World) -> None:
        self.several(world)
        pulled = self.standing(self.pages(world))
        assert set(pulled) == set(world.core.records(self.stream))
        for record in world.connector.get(self.stream, list(pulled)):
            self.agree(world, pulled[record.id], record)

    def agree(self, world: World, pulled: Record, read: Record) -> None:
        """A feed and a read by id may differ in how much they tell, not in what they tell."""
        if pulled.partial:
            return
        assert (pulled.version, pulled.marker, pulled.ours) == (read.version, read.marker, read.ours)
        assert pulled.scope == read.scope or read.scope is None
        for name in set(pulled.payload) & set(read.payload):
            assert pulled.payload[name] == read.payload[name], name
        described = {field.name for field in world.description.stream(self.stream).fields}
        assert described & set(pulled.payload) >= described & set(read.payload)

    def test_every_record_comes_once_over_several_pages(self, world: World) -> None:
        pages = self.crowded(world)
        ids = [record.id for record in self.of_stream(pages)]
        assert len(pages) > 1
        assert sorted(ids) == sorted(world.core.records(self.stream))

    def test_any_pages_cursor_resumes_and_past_plus_rest_is_the_full_read(self, world: World) -> None:
        pages = self.crowded(world)
        whole = self.standing(pages)
        for stop in sorted({1, len(pages) // 2, len(pages) - 1, len(pages)}):
            rest = self.pages(world, pages[stop - 1].cursor, connector=world.connect("write"))
            assert self.standing([*pages[:stop], *rest]) == whole
            assert rest[-1].last

    def test_an_abandoned_pull_loses_nothing(self, world: World) -> None:
        made = self.several(world)
        pulling = world.connector.pull(self.feed(world).name)
        first = next(pulling)
        del pulling
        rest = self.pages(world, first.cursor)
        assert made <= set(self.standing([first, *rest]))

    def crowded(self, world: World) -> list[Page]:
        if not self.crowd:
            pytest.skip(f"a full read of {self.stream} is one page")
        self.several(world, self.crowd)
        return self.pages(world)

    def test_a_pull_in_which_nothing_changed_costs_what_the_feed_declares(self, world: World) -> None:
        feed = self.incremental(world)
        self.several(world)
        cursor = self.settled_cursor(world)
        for _ in range(2):
            before, taken = world.connector.calls, world.connector.units
            pages = self.pages(world, cursor)
            assert world.connector.calls - before == feed.cost
            assert world.connector.units - taken == feed.units
            assert self.of_stream(pages) == []
            cursor = pages[-1].cursor
            world.clock.advance(self.idle)

    def test_a_new_record_is_seen_by_the_next_pull(self, world: World) -> None:
        self.incremental(world)
        cursor = self.settled_cursor(world)
        made = self.several(world, 2)
        assert made <= {record.id for record in self.of_stream(self.pages(world, cursor))}

    def test_an_edit_is_seen_by_the_next_pull_and_its_version_is_newer(self, world: World) -> None:
        self.incremental(world)
        if not self.edit:
            pytest.skip(f"{self.stream} has no field that people edit")
        id = self.person_creates(world)
        cursor = self.settled_cursor(world)
        before = self.one(world, id)
        world.core.edit(OTHER, self.stream, id, self.edit)
        world.clock.advance(self.idle)
        seen = [record for record in self.of_stream(self.pages(world, cursor)) if record.id == id]
        assert seen
        after = self.one(world, id)
        assert after.payload != before.payload
        self.agree(world, seen[-1], after)
        if self.abilities(world).versioned:
            assert after.version is not None
            assert before.version is not None
            assert after.version > before.version

    def test_an_edit_in_the_moment_of_a_pull_is_not_missed(self, world: World) -> None:
        self.incremental(world)
        if not self.edit:
            pytest.skip(f"{self.stream} has no field that people edit")
        id = self.person_creates(world)
        world.clock.advance(self.idle)
        cursor = self.pages(world)[-1].cursor
        world.core.edit(OTHER, self.stream, id, self.edit)
        world.clock.advance(self.idle)
        now = self.one(world, id)
        seen = [record for record in self.of_stream(self.pages(world, cursor)) if record.id == id]
        assert seen
        self.agree(world, seen[-1], now)

    def test_a_delete_is_seen(self, world: World) -> None:
        feed = self.feed(world)
        self.mortal()
        gone, kept = self.person_creates(world, 1), self.person_creates(world, 2)
        cursor = self.settled_cursor(world)
        world.core.delete(PERSON, self.stream, gone)
        world.clock.advance(self.idle)
        assert self.one(world, gone).deleted
        assert not self.one(world, kept).deleted
        assert gone not in self.standing(self.pages(world))
        if feed.deletes and not self.slow_feed:
            seen = [record for record in self.of_stream(self.pages(world, cursor)) if record.id == gone]
            assert seen
            assert seen[-1].deleted or seen[-1].partial
        if not feed.deletes:
            assert self.census(world) == set(world.core.records(self.stream))
            assert gone not in self.census(world)

    def test_a_record_that_is_taken_back_is_live_again(self, world: World) -> None:
        feed = self.feed(world)
        self.mortal()
        id = self.person_creates(world)
        world.core.delete(PERSON, self.stream, id)
        world.clock.advance(self.idle)
        cursor = self.settled_cursor(world)
        try:
            world.core.restore(PERSON, self.stream, id)
        except (Refusal, KeyError):
            pytest.skip(f"{self.stream}: what is deleted cannot be taken back")
        world.clock.advance(self.idle)
        assert not self.one(world, id).deleted
        assert id in self.standing(self.pages(world))
        if feed.deletes and not self.slow_feed:
            assert id in {record.id for record in self.of_stream(self.pages(world, cursor)) if not record.deleted}

    def test_the_census_lists_what_is_live(self, world: World) -> None:
        made = self.several(world)
        if not self.lasting:
            world.core.delete(PERSON, self.stream, self.person_creates(world, FEW))
        world.clock.advance(self.idle)
        assert self.census(world) == set(world.core.records(self.stream))
        assert made <= self.census(world)

    def mortal(self) -> None:
        if self.lasting:
            pytest.skip(f"{self.stream} are never deleted")

    def census(self, world: World) -> set[str]:
        listed = [id for page in world.connector.ids(self.stream) for id in page]
        assert len(set(listed)) == len(listed)
        return set(listed)

    def test_a_cursor_from_the_far_future_is_lost_or_shows_no_delete(self, world: World) -> None:
        later = self.make(VirtualClock(START))
        later.clock.advance(TEN_YEARS)
        self.person_creates(later)
        later.clock.advance(self.idle)
        cursor = self.pages(later)[-1].cursor
        made = self.several(world)
        self.takes_no_harm(world, cursor, made)

    @pytest.mark.parametrize("garbage", ["half", "not a cursor", "{}", "[1]", '{"since":7}', "9" * 5000, "-1", "é\x00"])
    def test_a_cursor_that_is_none_is_lost_or_shows_no_delete(self, world: World, garbage: str) -> None:
        made = self.several(world)
        true = self.pages(world)[-1].cursor
        self.takes_no_harm(world, true[: len(true) // 2] if garbage == "half" else garbage, made)

    def takes_no_harm(self, world: World, cursor: str, made: set[str]) -> None:
        try:
            pages = self.pages(world, cursor)
        except CursorLost:
            return
        assert not any(record.deleted for record in self.of_stream(pages) if record.id in made)

    def test_get_gives_one_record_for_each_distinct_id(self, world: World) -> None:
        live, asked = self.person_creates(world, 1), [self.unknown]
        if not self.lasting:
            asked.append(self.person_creates(world, 2))
            world.core.delete(PERSON, self.stream, asked[-1])
        world.clock.advance(self.idle)
        asked = [live, *asked, live, *ODD_IDS]
        got = list(world.connector.get(self.stream, asked))
        assert sorted(record.id for record in got) == sorted(set(asked))
        assert {record.id for record in got if not record.deleted} == {live}
        assert not any(record.forbidden for record in got)
        assert {record.stream for record in got} == {self.stream}
        assert list(world.connector.get(self.stream, [])) == []

    def test_a_record_of_a_person_is_not_ours(self, world: World) -> None:
        record = self.one(world, self.person_creates(world))
        assert not record.ours
        assert record.marker is None

    def test_history_tells_old_and_new_value_who_and_when(self, world: World) -> None:
        self.need(world, "history")
        id, quiet = self.person_creates(world, 1), self.person_creates(world, 2)
        world.clock.advance(self.idle)
        since, before = world.clock.now(), self.one(world, id).payload
        world.core.edit(OTHER, self.stream, id, self.edit)
        after = self.one(world, id).payload
        moment = since.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        changes = [each for each in world.connector.history(self.stream, [id, quiet], moment) if each.id == id]
        assert changes
        for change in changes:
            assert change.old != change.new
            assert not change.ours
            assert INSTANT.fullmatch(change.at)
            assert change.at >= moment
        told = {change.field: (change.old, change.new) for change in changes}
        edited = [name for name in self.edit if name in told]
        assert edited
        for name in edited:
            assert told[name] == (self.shown(before, name), self.shown(after, name))
        assert len({change.by for change in changes}) == 1

    def test_history_before_the_asked_time_is_left_out(self, world: World) -> None:
        self.need(world, "history")
        id = self.person_creates(world)
        world.clock.advance(self.idle)
        world.core.edit(OTHER, self.stream, id, self.edit)
        world.clock.advance(self.idle)
        moment = world.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        assert list(world.connector.history(self.stream, [id, self.unknown], moment)) == []

    def test_a_key_that_nobody_knows_survives(self, world: World) -> None:
        wire = world.wire
        if wire is None:
            pytest.skip("no wire to alter answers on")
        id = self.person_creates(world)
        self.warm(world)
        odd = {"kept": [1, None, "é"]}

        def alter(body: bytes) -> bytes:
            try:
                answer = msgspec.json.decode(body)
            except msgspec.DecodeError:
                return body
            return msgspec.json.encode(_salted(answer, id, odd))

        wire.alter = alter
        assert self.one(world, id).payload["x_of_tomorrow"] == odd


def _salted(value: object, id: str, odd: object) -> object:
    """The answer with one more key in each object that is the record of that id."""
    if isinstance(value, list):
        return [_salted(each, id, odd) for each in value]
    if isinstance(value, dict):
        salted = {name: _salted(each, id, odd) for name, each in value.items()}
        # What lies under another record may carry that one's id before its own.
        own = re.split(r"[-:]", id)[-1]
        return {**salted, "x_of_tomorrow": odd} if str(value.get("id")) in (id, own) else salted
    return value
