"""What ``conformance`` says, in English."""

from __future__ import annotations

from typing import Final

from keepstep.language.message import Message, Plural

CONFORMANCE: Final[dict[str, Message]] = {
    "conformance_not_offered": "{connection}: for {system} there is no way yet to try its promises in a place of your own",
    "conformance_no_place": "{place:quoted} cannot be a place of {system}: {reason}",
    "conformance_elsewhere": "{connection} does not sign in to {place}; name the organisation that it signs in to, to show that you mean it",
    "conformance_in_use": "{place} is seen by the sync `{sync}` through {connection}, which would carry what is tried elsewhere; take a place that no sync sees, and name in `{connection}` what it shall see",
    "conformance_occupied": Plural("{place} is not empty: {count:number} record lies there; take a place of its own for this", "{place} is not empty: {count:number} records lie there; take a place of its own for this", by="count"),
    "conformance_about": "records will be made, changed and deleted in {place}, and nowhere else: {streams:list}; whoever watches that place may get mail",
    "conformance_question": "Try it in {place}?",
    "conformance_trying": "{stream} ...",
    "conformance_waiting": "waiting ten minutes, to see what a quiet look costs ...",
    "conformance_interrupted": "interrupted; taking away what was made ...",
    "conformance_fails": "{stream}: does not hold: {promise} ({detail})",
    "conformance_untried": Plural("not tried: {count:number}, {why}", "not tried: {count:number}, {why}"),
    "conformance_left": "could not be taken away: {stream} {where} ({why:left}); do it by hand",
    "promise.holds": "hold",
    "promise.fails": "fail",
    "promise.not_tried": "not tried",
    "untried.faults": "it takes faults that can be switched on",
    "untried.person": "it takes a second person who acts",
    "untried.crowd": "it takes hundreds of records",
    "untried.time": "it takes time that can be turned on",
    "untried.log": "it takes a look at what the service was really sent",
    "untried.credentials": "it takes wrong credentials, for which an account may be locked",
    "untried.writable": "the stream is written",
    "untried.not_declared": "the connector does not declare what it takes",
    "untried.not_concerned": "it concerns connectors that declare otherwise",
    "untried.all_declared": "the connector declares every kind of write",
    "untried.no_feed": "no feed shows the stream",
    "untried.no_record": "no record could be made to try it on",
    "untried.not_quiet": "something changed meanwhile",
    "untried.trouble": "the service had trouble meanwhile",
    "left.archived": "archived, as nobody can delete it",
    "left.no_delete": "the connector deletes no such records",
    "left.refused": "refused",
    "left.stale": "changed meanwhile",
    "left.unknown": "no clear answer",
    "left.not_sent": "the service held it back",
}  # fmt: skip
