"""What may be odd about a payload: any part left out, emptied, of another type, too long, or half a character."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]

VALUES: tuple[Any, ...] = (
    None,
    "",
    " ",
    "0",
    "12",
    "not what you think",
    "x" * 40_000,
    "half \ud83d",
    "\x00\x07\x1b\u2028\ufeff",
    "\u202eשלום مرحبا\u0301 𝕏 进行中",
    "0001-01-01T00:00:00.000+1400",
    "9999-12-31T23:59:59.999-1200",
    "2026-13-45",
    0,
    -1,
    2**53 + 1,
    2**64,
    1.5,
    True,
    False,
    [],
    {},
    [None],
    ["", 7, {}],
    [[]],
    {"id": None},
    {"id": 2**60, "name": None, "value": []},
    {"type": "whatIsThat", "content": [{"type": "text"}]},
)


def paths(value: Any, here: Path = ()) -> Iterator[Path]:
    """The places in a payload, itself left out."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value[:3]) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*here, key)
        yield from paths(inner, (*here, key))


def put(payload: Any, path: Path, value: Any) -> Any:
    """A copy with another value at a place."""
    changed = copy.deepcopy(payload)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return changed


def without(payload: Any, path: Path) -> Any:
    changed = copy.deepcopy(payload)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return changed


def mutated(payload: Any, count: int, chance: random.Random) -> Iterator[Any]:
    """Odd forms of a payload: each place left out and null, and ``count`` with other values, some at two places."""
    places = list(paths(payload))
    for path in places:
        yield without(payload, path)
        yield put(payload, path, None)
    for _ in range(count):
        odd = put(payload, chance.choice(places), chance.choice(VALUES))
        if chance.random() < 0.3:
            odd = put(odd, chance.choice(list(paths(odd))), chance.choice(VALUES))
        yield odd
    yield {**payload, "neverHeardOf": {"deep": [1, {"deeper": None}]}}


def sent(value: Any) -> bytes:
    """A body as a service sends it that escapes whatever it holds, half characters too."""
    return json.dumps(value).encode()
