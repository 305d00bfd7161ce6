"""Histories of a company: what people do in its four systems, and what goes wrong. Drawn before they run."""

from __future__ import annotations

import random
from typing import Any, Final, Literal

import msgspec

from connectors.sandbox.faults import KINDS, Kind

Action = Literal[
    "customer",
    "deal",
    "task",
    "counterpart",
    "note",
    "file",
    "edit",
    "set_back",
    "echo_edit",
    "delete",
    "restore",
    "archive",
    "round",
    "crash",
    "busy",
    "wait",
    "decide",
    "let",
    "fault",
    "calm",
]

FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "crm.Accounts": ("name",),
    "crm.Deals": ("name", "due_date", "description"),
    "tracker.epics": ("name", "due_date", "description", "labels"),
    "tracker.issues": ("title", "due_date", "description", "status", "labels"),
    "board.cards": ("title", "due_date", "description", "status", "labels"),
    "files.client_folders": (),
    "files.project_folders": (),
    "files.category_folders": (),
    "files.files": (),
}
"""What people edit, in canonical words. What a folder is called is that folder's affair once it is made."""

NAMES: Final = ("Website", "website", "ü😀 Relaunch", "<script>", "=1+1", "名称")
TEXTS: Final = (
    "",
    "alpha",
    "beta\n\ngamma",
    "**delta** and `code`",
    "- one\n- two",
    "line 1\nline 2",
    "a_b *c* <d> & #e",
)
DAYS: Final = ("2026-11-30", "2028-02-29", "2026-12-31", None)
STATUSES: Final = ("todo", "doing", "done")
LABELS: Final = ((), ("red",), ("blue",), ("blue", "red"))
WAITS: Final = (1, 20, 90, 200, 400, 1000, 22_000)
EDITED: Final = tuple(stream for stream, fields in FIELDS.items() if fields)


class Step(msgspec.Struct, frozen=True):
    """One thing that happens. Numbers are indices, taken modulo what exists, so every sublist is a history."""

    action: Action
    stream: str = "crm.Deals"
    item: int = 0
    field: int = 0
    value: int = 0
    amount: float = 0.0
    match: str = ""
    kind: Kind = "lost_after"
    during: tuple[Step, ...] = ()
    """What people do while the round of a ``busy`` step is at its ``amount``-th request, one request each."""


class CompanyHistory(msgspec.Struct, frozen=True):
    """A drawn company and what happens in it."""

    seed: int
    syncs: tuple[str, ...]
    lags: dict[str, float]
    steps: tuple[Step, ...]
    policy: str = "ask"
    cards: bool = False
    """New tasks get a card."""


def draw(seed: int, length: int | None = None) -> CompanyHistory:
    """The history of that seed: some syncs, some kinds of steps and some kinds of trouble."""
    rng = random.Random(seed)
    syncs = ["customers", "projects"]
    syncs += [name for name, chance in (("folders", 0.3), ("tasks", 0.85), ("documents", 0.15), ("feedback", 0.15))
              if rng.random() < chance]  # fmt: skip
    streams = ["crm.Deals", "tracker.epics"]
    if "tasks" in syncs:
        streams += ["tracker.issues", "board.cards"] * 2
    steps = [Step("customer"), Step("deal", value=rng.randrange(6), amount=float(rng.randrange(2)))]
    if "tasks" in syncs:
        steps.append(Step("task", stream=rng.choice(streams[-2:]), value=rng.randrange(6)))
    steps += [Step("round"), Step("let")] * rng.choice((0, 1, 2))
    rare: list[Action] = [
        "customer", "deal", "task", "counterpart", "note", "file", "set_back", "echo_edit", "delete", "restore",
        "archive", "crash", "crash", "busy", "busy", "busy", "decide", "fault", "fault", "fault", "calm",
    ]  # fmt: skip
    often: tuple[Action, ...] = ("edit",) * 5 + ("round",) * 3 + ("wait", "let")
    swarm = [action for action in rare if rng.random() < 0.55] + list(often)
    kinds = [kind for kind in KINDS if rng.random() < 0.4] or ["lost_after"]
    for _ in range(length or rng.randint(8, 15)):
        steps.append(_step(rng, rng.choice(swarm), streams, kinds))
    lags = {name: rng.choice((0.0, 5.0, most)) for name, most in (("crm", 60.0), ("tracker", 60.0), ("files", 10.0))}
    return CompanyHistory(seed, tuple(syncs), lags, tuple(steps), rng.choice(("ask", "ask", "newest")),
                          rng.random() < 0.5)  # fmt: skip


def _step(rng: random.Random, action: Action, streams: list[str], kinds: list[Any]) -> Step:
    stream = rng.choice(streams)
    if action in ("delete", "restore", "fault"):
        stream = rng.choice((*FIELDS, *streams))
    amount = float(rng.choice((rng.randint(1, 12), rng.randint(1, 30 if action == "busy" else 90))))
    during: tuple[Step, ...] = ()
    if action == "busy":
        acts: tuple[Action, ...] = ("edit", "edit", "edit", "set_back", "echo_edit", "delete")
        during = tuple(_step(rng, rng.choice(acts), streams, kinds) for _ in range(rng.choice((1, 1, 2, 3))))
    if action == "wait":
        amount = rng.choice(WAITS)
    return Step(
        action,
        stream,
        rng.randrange(6),
        rng.randrange(12),
        rng.randrange(12),
        amount,
        rng.choice(("POST|PUT|PATCH", "POST|PUT|PATCH", "")),
        rng.choice(kinds),
        during,
    )
