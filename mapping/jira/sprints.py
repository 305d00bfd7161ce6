"""The custom field in which Jira shows an issue's sprints. They are planned on Jira's boards: nothing is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mapping.fields import FieldMap, Unmappable
from mapping.jira.choices import name_of
from mapping.jira.place import Place
from mapping.jira.values import Section

STATES = ("active", "future", "closed")
SPRINT = re.compile(r"\[(?=.*?\bstate=(?P<state>\w+))(?=.*?\bname=(?P<name>.*?),(?:goal|startDate)=)")
"""``...Sprint@1f[id=7,rapidViewId=2,state=ACTIVE,name=Sprint 1,goal=,startDate=...]``"""


def current(place: Place) -> FieldMap:
    """The sprint that counts: the running one, else the next, else the last."""

    def read(value: Any, _: Section) -> Any:
        told = [_told(each) for each in value or ()]
        for state in STATES:
            found = [each for each in told if str(each.get("state")).lower() == state]
            if found:
                return name_of(found[-1] if state == "closed" else found[0], "name")
        return None

    return place.shown(read)


def every(place: Place) -> FieldMap:
    """The names of all sprints that the issue was ever in."""
    return place.shown(lambda value, _: sorted({str(_told(each)["name"]) for each in value or ()}))


def _told(sprint: Any) -> Mapping[str, Any]:
    """What a sprint says of itself; the older API shows a dump of it. Raises ``Unmappable`` for anything else."""
    if isinstance(sprint, Mapping):
        return sprint
    dump = SPRINT.search(sprint) if isinstance(sprint, str) else None
    if dump is None:
        raise Unmappable("unknown_value", sprint)
    return dump.groupdict()
