"""What is said of how things came to be, whether they are in step, and what is taken back, in English."""

from __future__ import annotations

from typing import Final

from keepstep.language.message import Message, Plural

LINEAGE: Final[dict[str, Message]] = {
    "verifying": "reading all records of {sync} anew",
    "verify_line": "{title} ({side} {record}): {standing:verified}",
    "verify_field": "{field:field} is {shown:value}, agreed is {agreed:value}: {standing:verified}",
    "verify_since": "since {at:when}",
    "verify_by": "by {by:someone}",
    "verify_finding": "see finding {id}",
    "verify_stray": "{title:value} ({side} {record}): {standing:verified}",
    "verify_first": "{side} {first} has the place",
    "verify_even": Plural("{count:number} of {total:number} link is in step", "{count:number} of {total:number} links are in step", by="total"),
    "verify_nothing": "nothing is linked yet",
    "verify_count": "{standing:verified}: {count:number}",
    "verify_unread": "{side} could not be read: {reason}",
    "verified.even": "in step",
    "verified.apart": "set apart, and left alone",
    "verified.parked": "parked, not compared",
    "verified.owed": "is to be written in the next round",
    "verified.pending": "seen, and taken in by the next round",
    "verified.doubt": "a write is under way",
    "verified.busy": "it kept moving while it was read",
    "verified.held": "waits until a person lets it be written",
    "verified.asked": "waits for a person's decision",
    "verified.refused": "the system refused it",
    "verified.gone": "deleted there, and still on another side",
    "verified.read_only": "differs, and may not be written there",
    "verified.edited": "changed there since the last look",
    "verified.overlooked": "changed there before the last look, and was not taken in",
    "verified.missing": "is missing there",
    "verified.back": "was gone, and is there again",
    "verified.unseen": "may not be seen by our account any more",
    "verified.unread": "could not be read",
    "verified.twin": "a second record for a place that is taken",
    "verified.loose": "made by Keepstep, and belongs to nothing",
}  # fmt: skip
