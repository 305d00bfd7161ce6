"""The contract suite against a real service, in a throwaway place of the user's own, without pytest.

A real service has no faults to switch on, no second person to act and no true log to look into, and its time cannot be
turned on. The promises that need none of this are tried; the others are named with the reason why they were not.
"""

from keepstep.testing.live.place import Left, Occupied, Place
from keepstep.testing.live.report import NEEDS, Report, Result
from keepstep.testing.live.run import Conformance, trials_of

__all__ = ["NEEDS", "Conformance", "Left", "Occupied", "Place", "Report", "Result", "trials_of"]
