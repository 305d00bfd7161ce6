"""A history is a list of steps, drawn before it runs. Steps name things by index, so every sublist is a history too."""

from __future__ import annotations

import random
from typing import Any, Literal

import msgspec

from connectors.memory_service import Traits
from connectors.sandbox.faults import KINDS, Kind

Action = Literal[
    "create",
    "edit",
    "set_back",
    "echo_edit",
    "delete",
    "restore",
    "hide",
    "deny",
    "grant",
    "round",
    "crash",
    "twice",
    "wait",
    "decide",
    "copy",
    "put_back",
    "fault",
    "calm",
]

VALUES: dict[str, list[Any]] = {
    "title": ["a", "b", "C", "ü😀", "=1+1", "<script>", "名称"],
    "notes": [None, "x", "line 1\nline 2", "x\u200dy", "0"],
    "due": [None, "2026-11-30", "2028-02-29", "2026-12-31"],
    "labels": [[], ["red"], ["blue"], ["blue", "red"]],
}
WAITS = (1, 20, 90, 200, 400, 1000, 22_000)


class Step(msgspec.Struct, frozen=True):
    """One thing that happens. ``side``, ``item`` and ``value`` are indices, taken modulo what exists."""

    action: Action
    side: int = 0
    item: int = 0
    field: str = "title"
    value: int = 0
    amount: float = 0.0
    match: str = ""
    kind: Kind = "lost_after"


class History(msgspec.Struct, frozen=True):
    """A drawn world and what happens in it."""

    seed: int
    traits: list[dict[str, Any]]
    steps: list[Step]
    policy: str = "ask"
    deletes: Literal["flag", "propagate"] = "flag"

    def side_traits(self) -> list[Traits]:
        return [Traits(**traits) for traits in self.traits]


def draw(seed: int, length: int | None = None) -> History:
    """The history of that seed: a random subset of steps and faults, on two to four sides."""
    rng = random.Random(seed)
    traits = [_traits(rng) for _ in range(rng.choice((2, 2, 3, 3, 4)))]
    rare: tuple[Action, ...] = (
        "create", "set_back", "echo_edit", "delete", "restore", "hide", "crash", "decide", "fault", "calm"
    )  # fmt: skip
    often: tuple[Action, ...] = ("edit",) * 4 + ("round",) * 5 + ("wait",) * 2
    swarm = [action for action in rare if rng.random() < 0.6] + list(often)
    kinds = [kind for kind in KINDS if kind != "expired" and rng.random() < 0.5] or ["lost_after"]
    steps = [Step("create", side=rng.randrange(8), value=rng.randrange(8)) for _ in range(rng.choice((1, 2)))]
    steps += [Step("round")] * rng.choice((0, 2))
    for _ in range(length or rng.randint(8, 24)):
        action = rng.choice(swarm)
        field = rng.choice(list(VALUES))
        steps.append(
            Step(
                action,
                side=rng.randrange(8),
                item=rng.randrange(8),
                field=field,
                value=rng.randrange(8),
                amount=rng.choice(WAITS)
                if action == "wait"
                else float(rng.choice((rng.randint(1, 9), rng.randint(1, 40)))),
                match=rng.choice(("POST", "POST", "")),
                kind=rng.choice(kinds),
            )
        )
    _die_while_taking_in(steps, random.Random(f"{seed} dies"))
    rarer = random.Random(f"{seed} extra later")
    _stand_still(steps, rarer)
    # Both at once hide for good what we made: nobody could find it again.
    (_lose_sight if rarer.random() < 0.5 else _lose_memory)(steps, rarer)
    return History(
        seed=seed,
        traits=traits,
        steps=steps,
        policy=rng.choice(("ask", "ask", "newest")),
        deletes=rarer.choice(("flag", "flag", "propagate")),
    )


def _stand_still(steps: list[Step], rng: random.Random) -> None:
    """In some histories a worker stands still in its round, and another one works meanwhile."""
    if rng.random() < 0.25:
        for _ in range(rng.choice((1, 2, 3))):
            twice = Step("twice", value=rng.randrange(8), amount=float(rng.randint(1, 25)))
            steps.insert(rng.randrange(len(steps) + 1), twice)


def _lose_sight(steps: list[Step], rng: random.Random) -> None:
    """In some histories the account may not see a record for a while."""
    if rng.random() < 0.4:
        for action in ("deny", "deny", "grant"):
            step = Step(action, side=rng.randrange(8), item=rng.randrange(8))
            steps.insert(rng.randrange(len(steps) + 1), step)


def _die_while_taking_in(steps: list[Step], rng: random.Random) -> None:
    """In some histories a worker dies in its first look at an edit: drawn by chance alone that hardly ever happens."""
    if rng.random() < 0.3:
        at = rng.randrange(len(steps) + 1)
        field = rng.choice(list(VALUES))
        edit = Step("edit", side=0, item=rng.randrange(8), field=field, value=rng.randrange(8))
        steps[at:at] = [Step("round"), edit, Step("crash", amount=float(rng.randint(1, 4)))]


def _lose_memory(steps: list[Step], rng: random.Random) -> None:
    """In some histories a copy of the store is put back in its place."""
    if rng.random() < 0.4:
        first = rng.randrange(len(steps) + 1)
        steps.insert(first, Step("copy"))
        steps.insert(rng.randint(first + 1, len(steps)), Step("put_back"))


def _traits(rng: random.Random) -> dict[str, Any]:
    fields = ["title"] + [name for name in ("notes", "due", "labels") if rng.random() < 0.8]
    versioned = rng.random() < 0.7
    marker = rng.choice(("in_create", "reserved_id", "unique_field", "fingerprint"))
    return {
        "guarded": versioned and rng.random() < 0.4,
        "versioned": versioned,
        "history": rng.random() < 0.5,
        "returns_record": rng.random() < 0.5,
        "marker": marker,
        "lag": rng.choice((0.0, 0.0, 5.0, 40.0)) if marker != "fingerprint" else 0.0,
        "shouts": rng.random() < 0.2,
        "dots": rng.random() < 0.15,
        "fields": tuple(fields),
        "deletes": rng.random() < 0.7,
    }
