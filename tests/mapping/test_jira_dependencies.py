"""Links between issues as what a task depends on: the types that say so, and no others."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.base import Abilities, Description, Field, Record, Stream
from connectors.errors import Misconfigured
from mapping.fields import Options
from mapping.jira import MAPPING
from mapping.model import Kind

CALLED = {"10000": "Blocks", "10001": "Relates", "10007": "Depends"}


def mapper(*, called: dict[str, str] | None = None, writable: bool = True, **chosen: str) -> Any:
    types = CALLED if called is None else called
    field = Field(name="issuelinks", kind="array of issuelinks", writable=writable, values=list(types), called=types)
    stream = Stream(name="issues", abilities=Abilities(), fields=[field])
    options = Options(values={"depends_on": chosen} if chosen else {})
    return MAPPING.build(options, Description(system="jira", streams=[stream], feeds=[]))["issues"]


def link(id: str, kind: str, end: str, other: str, level: int = 0) -> dict[str, Any]:
    about = {"id": other, "key": f"A-{other}", "fields": {"issuetype": {"hierarchyLevel": level}}}
    return {"id": id, "type": {"id": kind}, f"{end}Issue": about}


LINKS = [
    link("1", "10000", "inward", "7"),
    link("2", "10000", "outward", "8"),
    link("3", "10001", "inward", "9"),
    link("4", "10007", "outward", "6"),
    link("5", "10000", "inward", "5", level=1),
]


def read(mapper: Any, links: Any) -> Any:
    return mapper.canon(Record(stream="issues", id="1", payload={"fields": {"issuelinks": links}})).values["depends_on"]


def refs(*ids: str) -> list[dict[str, str]]:
    return [{"stream": "issues", "id": id} for id in ids]


def test_a_task_depends_on_what_blocks_it_by_default() -> None:
    assert read(mapper(), LINKS) == refs("7")
    assert read(mapper(), []) is None
    assert read(mapper(called={"7": " BLOCKS "}), [link("1", "7", "inward", "7")]) == refs("7")


def test_other_types_are_named_by_name_or_id_with_the_end_at_which_the_dependent_stands() -> None:
    assert read(mapper(Depends="outward"), LINKS) == refs("6")
    assert read(mapper(**{"10007": "outward", "Blocks": "inward"}), LINKS) == refs("6", "7")
    with pytest.raises(Misconfigured, match=r"no type of link 'Needs'; it has: Blocks \(10000\), Relates"):
        mapper(Needs="inward")
    with pytest.raises(Misconfigured, match="`inward` or `outward`"):
        mapper(Blocks="back")


def test_only_what_changes_is_written_and_nothing_else_is_touched() -> None:
    base = {"fields": {"issuelinks": LINKS}}
    both = mapper(Blocks="inward", Depends="outward")
    found = both.unmap(Kind.TASK, {"depends_on": refs("6", "3")}, base)
    assert found.losses == []
    assert found.values == {
        "issuelinks": {"add": [{"type": {"id": "10000"}, "inwardIssue": {"id": "3"}}], "remove": ["1"]}
    }
    made = mapper(Depends="outward").unmap(Kind.TASK, {"depends_on": refs("3")})
    assert made.values == {
        "issuelinks": {"add": [{"type": {"id": "10007"}, "outwardIssue": {"id": "3"}}], "remove": []}
    }
    [loss] = both.unmap(Kind.TASK, {"depends_on": [{"stream": "epics", "id": "1"}]}, base).losses
    assert (loss.field, loss.why) == ("depends_on", "other_stream")


def test_where_links_are_off_or_on_no_screen_it_is_absent_or_read() -> None:
    assert mapper(called={}).mode(Kind.TASK, "depends_on") == "absent"
    assert mapper(called={"1": "Relates"}).mode(Kind.TASK, "depends_on") == "absent"
    assert mapper(writable=False).mode(Kind.TASK, "depends_on") == "read"
    assert mapper().mode(Kind.MILESTONE, "depends_on") == "both"
