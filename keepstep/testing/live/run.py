"""One run against a real service: the connection first, then stream by stream, and the place cleared at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from connectors.base import Clock, Connector, Description
from connectors.errors import ConnectorError
from connectors.examining import Examines
from connectors.proving import Proving, Trial
from keepstep.testing.live.place import Left, Place
from keepstep.testing.live.report import CONNECTION, NEEDS, Report, Result
from keepstep.testing.live.tried import NotTried, Tried, expect
from keepstep.testing.live.trying import OF_EDITS, Stream

IDLE = 300.0
"""Seconds after which what the last pull saw is out of every overlap."""

OF_CONNECTION = (
    "check_signs_in_and_says_who_and_where",
    "the_description_is_stable_and_survives_json",
    "names_are_unique_and_every_feed_names_streams_that_exist",
    "a_look_over_repeats_and_writes_nothing",
    "every_request_is_counted",
    "wrong_credentials_are_refused_without_a_secret_in_the_message",
    "wrong_credentials_never_read_as_an_empty_account",
)
"""Promises that concern no single stream."""


def trials_of(proving: Proving, place: str, description: Description) -> list[Trial]:
    """What can be tried of what the account has."""
    there = {stream.name for stream in description.streams}
    return [trial for trial in proving.trials(place, description) if trial.stream in there]


class Conformance:
    """Tries everything that can be tried. ``run`` may be interrupted; ``clear`` is called after it, come what may."""

    def __init__(
        self,
        connect: Callable[[Literal["read", "write"]], Connector],
        proving: Proving,
        name: str,
        clock: Clock,
        new_id: Callable[[], str],
        tell: Callable[[str], None] = lambda stream: None,
    ) -> None:
        self._connect = connect
        self._proving = proving
        self._name = name
        self._new_id = new_id
        self._tell = tell
        self.place = Place(connect("write"), clock, proving)
        self.report = Report(system=self.place.description.system)

    @property
    def trials(self) -> list[Trial]:
        return trials_of(self._proving, self._name, self.place.description)

    def run(self) -> None:
        """Try the promises. Raises whatever interrupts it; the place must have been found empty before."""
        self._connection()
        self._streams(self.trials)

    def clear(self) -> list[Left]:
        """Take away what was made. What stays is counted in the report and told with its address here."""
        left = self.place.clear(self._tell)
        self.report.left = len(left)
        return left

    def _connection(self) -> None:
        tried, place = Tried(CONNECTION), self.place
        with tried.promise(OF_CONNECTION[0]):
            account = place.connector.check()
            expect(bool(account.id and account.site), account="incomplete")
            expect(place.connector.check().site == account.site, site="differs")
        with tried.promise(OF_CONNECTION[1]):
            text = msgspec.json.encode(place.description)
            expect(msgspec.json.decode(text, type=Description) == place.description, json="differs")
            expect(msgspec.json.encode(place.connector.describe()) == text, again="differs")
        with tried.promise(OF_CONNECTION[2]):
            streams = [stream.name for stream in place.description.streams]
            feeds = [feed.name for feed in place.description.feeds]
            expect(len(set(streams)) == len(streams) and len(set(feeds)) == len(feeds), names="twice")
            for feed in place.description.feeds:
                expect(bool(feed.streams) and set(feed.streams) <= set(streams) and feed.cost >= 1, feed="odd")
        with tried.promise(OF_CONNECTION[3]):
            if not isinstance(place.connector, Examines):
                raise NotTried("not_declared")
            expect(place.connector.examine() == place.connector.examine(), again="differs")
        self._keep(tried, OF_CONNECTION)

    def _streams(self, trials: Sequence[Trial]) -> None:
        tried: list[Stream] = []
        try:
            self._one_by_one(trials, tried)
            self._costs(tried)
        finally:
            for stream in tried:
                self._keep(stream, [name for name in every_promise() if name not in OF_CONNECTION])

    def _one_by_one(self, trials: Sequence[Trial], tried: list[Stream]) -> None:
        parents: dict[str, str | None] = {}
        reader = self._connect("read")
        for trial in trials:
            self._tell(trial.stream)
            tried.append(Stream(self.place, trial, reader, parents.get(trial.under or ""), self._new_id))
            if trial.under is None or parents.get(trial.under):
                parents[trial.stream] = tried[-1].run()

    def _costs(self, streams: Sequence[Stream]) -> None:
        """What a pull costs in which nothing changed: once at the end, since it takes a long quiet time."""
        name = "a_pull_in_which_nothing_changed_costs_what_the_feed_declares"
        cursors = {stream.feed.name: stream._cursor() for stream in streams if stream.feed is not None}
        self._tell("-")
        self.place.clock.wait(IDLE)
        cursors = {feed: self._on(feed, cursor) for feed, cursor in cursors.items()}
        self.place.clock.wait(IDLE)
        for stream in streams:
            stream.settled()
            with stream.promise(name):
                feed = stream.feed
                cursor = cursors.get(feed.name) if feed is not None else None
                if feed is None or cursor is None:
                    raise NotTried("no_feed")
                before = self.place.connector.calls
                pages = stream.pages(cursor)
                calls = self.place.connector.calls - before
                if any(page.records for page in pages):
                    raise NotTried("not_quiet")
                expect(calls == feed.cost, calls=calls, declared=feed.cost)

    def _on(self, feed: str, cursor: str | None) -> str | None:
        try:
            return list(self.place.connector.pull(feed, cursor))[-1].cursor if cursor is not None else None
        except ConnectorError:
            return None

    def _keep(self, tried: Tried, names: Sequence[str]) -> None:
        """What was tried, and for the rest why it was not."""
        for name in names:
            reason = NEEDS.get(name, "no_record")
            untried = Result(stream=tried.stream, promise=name, result="not_tried", reason=reason)
            self.report.results.append(tried.results.get(name, untried))


TRIED = (
    "what_is_written_is_described",
    "a_create_is_done_and_reads_back",
    "an_answer_that_carries_the_record_carries_all_of_it",
    "an_outcome_without_that_ability_carries_no_half_record",
    "a_replayed_create_makes_no_twin",
    "reserved_ids_differ_and_cost_nobody_a_record",
    "a_marker_is_on_the_record_and_not_in_its_payload",
    "find_takes_no_marker_for_another",
    "made_since_tells_ours_alone_and_only_from_then_on",
    "a_new_record_is_seen_by_the_next_pull",
    "a_pull_has_at_least_one_page_and_only_its_last_says_so",
    "every_record_has_a_key_its_stream_and_times_in_utc",
    "two_full_pulls_are_equal",
    "a_full_pull_shows_what_the_service_holds_and_what_get_tells",
    "an_abandoned_pull_loses_nothing",
    "a_cursor_that_is_none_is_lost_or_shows_no_delete",
    "the_census_lists_what_is_live",
    "get_gives_one_record_for_each_distinct_id",
    *OF_EDITS,
    "unmarking_takes_our_marker_off_and_leaves_the_rest",
    "a_delete_is_done_once_and_then_gone",
    "each_write_has_one_outcome_in_order_and_one_bad_record_stops_no_other",
    "an_archived_record_is_not_deleted",
    "what_is_not_declared_is_refused_not_tried",
    "a_delete_is_seen",
    "a_pull_in_which_nothing_changed_costs_what_the_feed_declares",
)
"""Promises of a stream that are tried, in that order."""


def every_promise() -> list[str]:
    """All promises of the contract suite: those that are tried, then those that need a stand-in."""
    return list(dict.fromkeys([*OF_CONNECTION, *TRIED, *NEEDS]))
