"""Which records are views of one thing: by link, by marker, by what points at what, by declared keys, by likeness.

What stays open goes to a person as a proposal.
"""

from keepstep.engine.match.decide import Refused, decide, decide_all
from keepstep.engine.match.linking import link_records, link_row
from keepstep.engine.match.reopening import undo
from keepstep.engine.match.steps import Matched, match

__all__ = ["Matched", "Refused", "decide", "decide_all", "link_records", "link_row", "match", "undo"]
