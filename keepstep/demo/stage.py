"""The stand-ins of all four systems with the company in them, and the ways to reach them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from connectors.base import Clock
from connectors.google_drive.sandbox.core import GoogleDriveSandbox
from connectors.jira.sandbox import JiraSandbox
from connectors.sandbox.core import SandboxCore
from connectors.sandbox.hosting import Host, SandboxTransport
from connectors.trello.sandbox import TrelloSandbox
from connectors.zoho_crm.sandbox import ZohoSandbox
from keepstep.demo.cast import Cast
from keepstep.demo.cast_en import CAST as ENGLISH
from keepstep.demo.cast_zh import CAST as CHINESE
from keepstep.demo.clock import CatchingUp
from keepstep.demo.company import CUSTOM, YEAR, Company
from keepstep.demo.configuration import Account, Mode, configuration

CASTS: Mapping[str, Cast] = {"en": ENGLISH, "zh-CN": CHINESE}
SYSTEMS = {"crm": "zoho_crm", "tracker": "jira", "board": "trello", "files": "google_drive"}
"""Connection -> its system."""


class Stage:
    """A company in four stand-ins, a year old at the moment it is made. The same seed and clock make the same."""

    def __init__(self, clock: Clock, language: str = "en", seed: int = 1, records: int | None = None) -> None:
        self.clock = clock
        self.language = language
        past = CatchingUp(clock, YEAR)
        self.company = Company(
            CASTS[language],
            past,
            crm=ZohoSandbox(past, seed),
            tracker=JiraSandbox(past, seed),
            board=TrelloSandbox(past, seed),
            files=GoogleDriveSandbox(past, seed),
            seed=seed,
        )
        self.company.live(records)

    @property
    def cores(self) -> dict[str, SandboxCore]:
        """Connection -> its stand-in."""
        return self.company.cores

    def transports(self) -> dict[str, SandboxTransport]:
        """Connection -> a way to its stand-in without a socket."""
        return {name: SandboxTransport(core) for name, core in self.cores.items()}

    def urls(self) -> dict[str, str]:
        """Connection -> an address for ``transports``; nothing listens there."""
        return {name: f"http://{name}.demo.invalid" for name in self.cores}

    @contextmanager
    def hosts(self, port_base: int = 0) -> Iterator[dict[str, str]]:
        """Serve all four over HTTP on the loopback interface; connection -> address.

        Ports are ``port_base`` and the three after it, or any that are free. Raises OSError for one that is taken.
        """
        with ExitStack() as stack:
            urls = {}
            for number, (name, core) in enumerate(self.cores.items()):
                host = stack.enter_context(Host(core, port_base + number if port_base else 0))
                urls[name] = host.url
            yield urls

    def configuration(self, urls: Mapping[str, str], mode: Mode, store: str = "sqlite:///keepstep.db") -> str:
        """A whole ``keepstep.yaml`` for this company, its systems at these addresses."""
        from keepstep.registry import Registry

        registry = Registry.installed()
        settings = {
            name: registry.sandbox(system).settings(self.cores[name], urls[name]) for name, system in SYSTEMS.items()
        }
        accounts = [
            Account(name, system, {**settings[name], **CUSTOM.get(name, {})}) for name, system in SYSTEMS.items()
        ]
        cast = self.company.cast
        people = [self._accounts(role) for role in ("sales", "lead", "developer", "designer", "gone")]
        return configuration(accounts, people, mode, cast, store)

    def _accounts(self, role: str) -> dict[str, str]:
        ids = self.company.ids
        return {
            "crm": ids[f"zoho:{role}"],
            "tracker": ids[f"jira:{role}"],
            "board": ids[f"trello:{role}"],
        }
