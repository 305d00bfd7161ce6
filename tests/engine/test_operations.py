"""What may be carried out of what is owed, and what is owed beyond what was."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from keepstep.engine.operations import Operation, Planned, anything, beyond, only


def update(side: str = "a", **fields: int) -> Operation:
    planned = {name: Planned(f"v{n}", n, f"v{n}", "old") for name, n in fields.items()}
    return Operation(kind="update", entity="e", side=side, title="One", record="1", version="7", fields=planned)


def other(operation: Operation, **changes: Any) -> Operation:
    return msgspec.structs.replace(operation, **changes)


CREATE = other(update(x=1), kind="create", record=None, version=None)
DELETE = other(update(), kind="delete")


@pytest.mark.parametrize(
    ("allowed", "owed", "found"),
    [
        (update(x=1), update(x=1), update(x=1)),
        (update(x=1), update(x=1, y=1), update(x=1)),
        (update(x=1, y=1), update(x=1), None),
        (update(x=1), update(x=2), None),
        (update(x=1), update("b", x=1), None),
        (update(x=1), other(update(x=1), entity="f"), None),
        (update(x=1), other(update(x=1), record="2"), None),
        (update(x=1), other(update(x=1), version="8"), other(update(x=1), version="8")),
        (CREATE, CREATE, CREATE),
        (CREATE, other(CREATE, fields=update(x=1, y=1).fields), None),
        (DELETE, DELETE, DELETE),
        (DELETE, other(DELETE, version="8"), None),
        (DELETE, other(DELETE, kind="archive"), None),
    ],
)
def test_only_what_was_planned_is_carried_out(allowed: Operation, owed: Operation, found: Operation | None) -> None:
    assert only([update("z", x=1), allowed])(owed) == found
    assert anything(owed) == owed
    assert only([])(owed) is None


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ([], [update(x=1), CREATE], [update(x=1), CREATE]),
        ([update(x=1)], [update(x=1)], []),
        ([update(x=1)], [update(x=1, y=1)], [update(y=1)]),
        ([update(x=1)], [update(x=2)], [update(x=2)]),
        ([update(x=1)], [], []),
        ([update("b", x=1)], [update(x=1)], [update(x=1)]),
        ([CREATE, DELETE], [other(CREATE, fields=update(x=2).fields), DELETE], []),
    ],
)
def test_beyond_what_was_owed_is_what_is_owed_anew(
    before: list[Operation], after: list[Operation], found: list[Operation]
) -> None:
    assert beyond(before, after) == found
