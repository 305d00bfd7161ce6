"""What ``setup`` and ``detach`` say, in English."""

from __future__ import annotations

from typing import Final

from keepstep.language.message import Message, Plural

PREPARING: Final[dict[str, Message]] = {
    "column_addition": "what is added",
    "column_purpose": "what for",
    "column_grant": "who may add it",
    "column_state": "state",
    "addition.there": "there",
    "addition.to_add": "to be added",
    "addition.by_hand": "to be added by hand",
    "addition_place": "{stream} in {place:quoted}",
    "addition_of": "{name} in {place:quoted}",
    "addition_steps": "{name}, by hand: {steps}",
    "purpose.marker": "finds again what Keepstep itself made, so that nothing is made twice",
    "purpose.mark": "tells a kind of record",
    "purpose.field": "holds what the configuration (`custom`) puts there; it is never taken away",
    "purpose.subscription": "lets the service call when something changes",
    "prepare_read_only": "nothing may be added to or taken from {connection}: it has `access: read`",
    "prepare_busy": "another worker is writing to {connection} just now ({lease}); try again in a moment",
    "setup_observing": "nothing may be written to {connection} yet: each of its syncs only observes; set `mode: propose` or `mode: write` in {file} first, or see what would be added with --plan",
    "setup_nothing": "{connection}: nothing has to be added",
    "setup_question": Plural("Add {count:number} thing to {connection}?", "Add {count:number} things to {connection}?"),
    "setup_attach_question": "Take {connection} up again, and add what is missing?",
    "setup_added": "added: {name}",
    "setup_failed": "not added: {name}; it takes {grant} ({reason})",
    "setup_attached": "{connection} is taken up again; the next plan of its syncs waits for your approval",
    "is_detached": "{connection} is detached: it is read, and nothing is written to it until `keepstep setup {connection}`",
    "detach_question": "Take all this away, and write nothing more to {connection}?",
    "detach_nothing": "{connection}: nothing was added beside records",
    "detach_marked": Plural("{side}: {count:number} record carries a marker", "{side}: {count:number} records carry a marker"),
    "detached": "nothing more is written to {connection} until `keepstep setup {connection}`",
    "detach_unmarked": Plural("{count:number} marker taken off", "{count:number} markers taken off"),
    "detach_left": "{side}: still marked: {record} ({reason})",
    "detach_again": "run `keepstep detach {connection}` again: it goes on with what is left",
    "detach_removed": "taken away: {name}",
    "detach_kept": "not taken away: {name} ({reason})",
    "detach_by_hand": "to be taken away by hand: {name}: {steps}",
    "detach_unsettled": Plural("what became of {count:number} write to {connection} is not known yet, and finding out takes the markers; run `keepstep sync` until it is known", "what became of {count:number} writes to {connection} is not known yet, and finding out takes the markers; run `keepstep sync` until it is known"),
}  # fmt: skip
