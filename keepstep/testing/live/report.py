"""What was tried and what came of it, without a word that could be private: no ids, no names, no text of a service."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from keepstep import __version__

NEEDS: dict[str, str] = {
    "a_create_whose_answer_is_lost_is_found_and_is_exactly_one": "faults",
    "a_create_that_never_arrived_is_not_found": "faults",
    "a_create_that_arrives_late_is_found_by_a_later_look": "faults",
    "one_fault_while_reading_costs_a_retry_or_is_told": "faults",
    "lasting_trouble_is_never_an_empty_list_nor_a_delete": "faults",
    "a_write_without_a_clear_answer_is_unknown_and_sent_once": "faults",
    "a_write_held_back_by_a_limit_is_not_sent_and_says_until_when": "faults",
    "a_create_whose_answer_is_cut_off_is_unknown": "faults",
    "trouble_with_one_request_leaves_the_others_their_outcomes": "faults",
    "a_key_that_nobody_knows_survives": "faults",
    "an_edit_in_the_moment_of_a_pull_is_not_missed": "person",
    "a_record_that_is_taken_back_is_live_again": "person",
    "a_record_of_a_person_is_not_ours": "person",
    "every_record_comes_once_over_several_pages": "crowd",
    "any_pages_cursor_resumes_and_past_plus_rest_is_the_full_read": "crowd",
    "a_cursor_from_the_far_future_is_lost_or_shows_no_delete": "time",
    "every_request_is_counted": "log",
    "the_gate_is_asked_directly_before_every_request_that_writes": "log",
    "a_gate_that_closes_on_the_way_parts_done_from_not_sent": "log",
    "wrong_credentials_are_refused_without_a_secret_in_the_message": "credentials",
    "wrong_credentials_never_read_as_an_empty_account": "credentials",
    "a_read_only_stream_is_never_written": "writable",
}
"""Promises of the suite that a real service gives no way to try, and what is missing there."""

CONNECTION = "-"
"""Stands for the stream, where a promise is of the connection as a whole."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one promise."""

    stream: str
    promise: str
    """The name of its test in the contract suite, without ``test_``."""
    result: Literal["holds", "fails", "not_tried"]
    reason: str = ""
    """Why it was not tried, as a code."""
    detail: str = ""
    """What was seen instead: states, numbers, kinds of error, names of the service's own fields."""


class Report(msgspec.Struct, kw_only=True):
    """One run. ``left`` counts what could not be taken away again."""

    system: str
    keepstep: str = __version__
    results: list[Result] = []
    left: int = 0
    interrupted: bool = False

    def count(self, result: str) -> int:
        return sum(each.result == result for each in self.results)

    def of(self, result: str) -> Iterable[Result]:
        return (each for each in self.results if each.result == result)

    def as_data(self) -> dict[str, Any]:
        """For a file or ``--json``."""
        counts = {name: self.count(name) for name in ("holds", "fails", "not_tried")}
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain | {"counts": counts}
