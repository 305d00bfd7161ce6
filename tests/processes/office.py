"""A CRM and a board behind HTTP, and the configuration file of a sync between them."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from connectors.base import Clock
from connectors.sandbox.hosting import Host
from connectors.trello.sandbox import SANDBOX as TRELLO
from connectors.zoho_crm.sandbox import SANDBOX as ZOHO


def furnished(stack: ExitStack, folder: Path, store: str, clock: Clock) -> tuple[Any, Any, Path]:
    """The CRM, the board and the path of the file."""
    crm: Any = ZOHO.build(clock, 1)
    board: Any = TRELLO.build(clock, 2)
    place = board.create("Ada", "boards", {"name": "Work"})
    board.join(board.us, place)
    inbox = board.create("Ada", "lists", {"name": "Inbox", "idBoard": place})
    hosts = {name: stack.enter_context(Host(core)) for name, core in (("crm", crm), ("board", board))}
    sync = {
        "entity": "task",
        "mode": "write",
        "sides": ["crm.Tasks", "board.cards"],
        "match": ["title"],
        "create": {"board.cards": {"idList": inbox}},
        "every": "1m",
    }
    whole = {
        "version": 1,
        "store": store,
        "connections": {
            "crm": {"system": "zoho_crm", **ZOHO.settings(crm, hosts["crm"].url)},
            "board": {"system": "trello", **TRELLO.settings(board, hosts["board"].url)},
        },
        "syncs": {"tasks": sync},
    }
    path = folder / "keepstep.yaml"
    path.write_text(json.dumps(whole), encoding="utf-8")
    return crm, board, path
