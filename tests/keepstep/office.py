"""A small office for tests of the commands: stand-ins of a CRM and a board, reached without a socket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from connectors.sandbox.clock import VirtualClock
from connectors.sandbox.hosting import SandboxTransport
from connectors.trello.sandbox import SANDBOX as TRELLO
from connectors.zoho_crm.sandbox import SANDBOX as ZOHO
from keepstep.cli import main
from keepstep.cli.session import Session
from keepstep.registry import Registry
from keepstep.runtime import Runtime

BASES = {"crm": "https://crm.test", "board": "https://board.test"}


class Office:
    """``keep(...)`` runs a command; ``crm`` and ``board`` are the stand-ins themselves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = VirtualClock()
        self.crm: Any = ZOHO.build(self.clock, 1)
        self.board: Any = TRELLO.build(self.clock, 2)
        self.cores = {"crm": self.crm, "board": self.board}
        self.connections: dict[str, dict[str, Any]] = {
            "crm": {"system": "zoho_crm", **ZOHO.settings(self.crm, BASES["crm"])},
            "board": {"system": "trello", **TRELLO.settings(self.board, BASES["board"])},
        }
        self.place = self.board.create("Ada", "boards", {"name": "Work"})
        self.board.join(self.board.us, self.place)
        self.inbox = self.board.create("Ada", "lists", {"name": "Inbox", "idBoard": self.place})
        self.sync: dict[str, Any] = {
            "entity": "task",
            "mode": "write",
            "sides": ["crm.Tasks", "board.cards"],
            "match": ["title"],
            "create": {"board.cards": {"idList": self.inbox}},
        }
        # Bo is on the board too: else each of his tasks would leave a question about whom its card is assigned to.
        self.board.join(self.board.person("Bo"), self.place)
        self.rest: dict[str, Any] = {"people": [{"crm": self.crm.hire("Bo"), "board": self.board.person("Bo").member}]}
        self.environ = {"LANG": "C", "USER": "Ann"}
        self.seed = 0
        self.settle()

    def settle(self, seconds: float = 120.0) -> None:
        self.clock.advance(seconds)

    @property
    def path(self) -> Path:
        return self.folder / "keepstep.yaml"

    def configure(self) -> None:
        store = f"sqlite:///{self.folder / 'keep.db'}"
        whole = {"version": 1, "store": store, "connections": self.connections, "syncs": {"tasks": self.sync}}
        self.path.write_text(json.dumps(whole | self.rest), encoding="utf-8")

    def session(self) -> Session:
        self.seed += 1
        runtime = Runtime.of(self.clock, self.seed, self.environ)
        transports = {name: SandboxTransport(core) for name, core in self.cores.items()}
        return Session(Registry.installed(), runtime, transports=transports)

    def keep(self, *args: str, answer: str | None = None, configure: bool = True) -> Result:
        """One command in a process of its own, a little later than the last."""
        if configure:
            self.configure()
        self.settle(60.0)
        result = CliRunner().invoke(main, [*args, "--config", str(self.path)], obj=self.session(), input=answer)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def document(self, *args: str, code: int = 0) -> Any:
        """The command's JSON document; its exit code is as said."""
        result = self.keep(*args, "--json")
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def task(self, subject: str, **values: Any) -> str:
        return str(self.crm.create("Bo", "Tasks", {"Subject": subject, **values}))

    def card(self, name: str, **values: Any) -> str:
        return str(self.board.create("Ada", "cards", {"name": name, "idList": self.inbox, **values}))

    def cards(self) -> dict[str, str]:
        return {id: card["name"] for id, card in self.board.records("cards").items()}

    def writes(self) -> list[tuple[str, str, str]]:
        """What the hub did in both systems."""
        return [
            (name, entry.kind, entry.id)
            for name, core in sorted(self.cores.items())
            for entry in core.truth.writes()
            if entry.kind in ("create", "update", "delete", "archive")
        ]
