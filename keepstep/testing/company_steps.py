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
    "move",
    "merge",
    "comment",
    "recomment",
    "attach",
    "round",
    "crash",
    "busy",
    "pounce",
    "twice",
    "wait",
    "decide",
    "let",
    "undo",
    "leave",
    "reconfigure",
    "copy",
    "put_back",
    "fault",
    "storm",
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
    """What people do while the round of a ``busy`` step is at its ``amount``-th request, one request each; in that of a
    ``pounce`` step they do it to the very record that its ``amount``-th writing request is about, just before it
    arrives or just after."""


class CompanyHistory(msgspec.Struct, frozen=True):
    """A drawn company and what happens in it."""

    seed: int
    syncs: tuple[str, ...]
    lags: dict[str, float]
    steps: tuple[Step, ...]
    policy: str = "ask"
    cards: bool = False
    """New tasks get a card."""
    riding: tuple[str, ...] = ()
    """What is carried along with the tasks."""
    deletes: str = "flag"
    """What becomes of a task's other records when a person deletes one."""


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
    riding = tuple(what for what in ("comments", "attachments") if "tasks" in syncs and rng.random() < 0.25)
    rare: list[Action] = [
        "customer", "deal", "task", "counterpart", "note", "file", "set_back", "echo_edit", "delete", "restore",
        "archive", "move", "crash", "crash", "busy", "busy", "pounce", "pounce", "decide", "fault", "fault", "fault",
        "storm", "calm",
    ]  # fmt: skip
    rarest: list[Action] = ["merge", "twice", "twice", "undo", "leave", "reconfigure", "copy", "put_back"]
    often: tuple[Action, ...] = ("edit",) * 5 + ("round",) * 3 + ("wait", "let")
    swarm = [action for action in rare if rng.random() < 0.5] + list(often)
    swarm += [action for action in rarest if rng.random() < 0.15]
    if riding:
        talk: list[Action] = ["comment", "comment", "recomment"]
        files: list[Action] = ["attach"]
        swarm += talk * ("comments" in riding) + files * ("attachments" in riding)
    kinds = [kind for kind in KINDS if rng.random() < 0.4] or ["lost_after"]
    for _ in range(length or rng.randint(8, 15)):
        steps.append(_step(rng, rng.choice(swarm), streams, kinds))
    lags = {name: rng.choice((0.0, 5.0, most)) for name, most in (("crm", 60.0), ("tracker", 60.0), ("files", 10.0))}
    return CompanyHistory(
        seed,
        tuple(syncs),
        lags,
        tuple(steps),
        rng.choice(("ask", "ask", "newest")),
        rng.random() < 0.5,
        riding,
        rng.choice(("flag", "flag", "archive", "propagate")),
    )


def _step(rng: random.Random, action: Action, streams: list[str], kinds: list[Any]) -> Step:
    stream = rng.choice(streams)
    if action in ("delete", "restore", "fault", "storm"):
        stream = rng.choice((*FIELDS, *streams))
    amount = float(rng.choice((rng.randint(1, 12), rng.randint(1, 30 if action in ("busy", "twice") else 90))))
    during: tuple[Step, ...] = ()
    if action in ("busy", "pounce"):
        acts: tuple[Action, ...] = ("edit", "edit", "edit", "set_back", "echo_edit", "delete")
        during = tuple(_step(rng, rng.choice(acts), streams, kinds) for _ in range(rng.choice((1, 1, 2, 3))))
    if action == "wait":
        amount = rng.choice(WAITS)
    if action == "pounce":
        amount = float(rng.choice((1, 1, 2, 3)))
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
