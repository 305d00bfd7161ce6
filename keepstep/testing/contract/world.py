"""A connector, the service it talks to, and the clock of both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import requests
from pydantic import SecretStr

from connectors.base import Connector, Description
from connectors.context import ConnectorPlugin, Context
from connectors.sandbox.clock import VirtualClock
from connectors.sandbox.core import SandboxCore, SandboxPlugin
from connectors.sandbox.faults import Faults
from connectors.sandbox.hosting import SandboxTransport
from connectors.sandbox.truth import Truth

BASE = "https://service.test"
WRONG = "wrong-0123456789abcdef"


class Core(Protocol):
    """What the suite needs of a service: the control verbs of every stand-in, its faults and its true log."""

    faults: Faults
    truth: Truth
    requests: list[str]

    def create(self, person: str, stream: str, values: Mapping[str, Any]) -> str: ...

    def edit(self, person: str, stream: str, id: str, values: Mapping[str, Any]) -> None: ...

    def delete(self, person: str, stream: str, id: str) -> None: ...

    def restore(self, person: str, stream: str, id: str) -> None: ...

    def records(self, stream: str) -> dict[str, dict[str, Any]]: ...


class Wire(SandboxTransport):
    """A transport whose answers a test may alter on their way back."""

    def __init__(self, core: SandboxCore) -> None:
        super().__init__(core)
        self.alter: Callable[[bytes], bytes] | None = None

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        answer = super().send(request, *args, **kwargs)
        if self.alter is not None:
            answer._content = self.alter(answer.content)
        return answer


class MemoryAccessTokens:
    """The last access token, for connectors that are built one after the other as processes are."""

    def __init__(self) -> None:
        self.kept: tuple[str, str] | None = None
        """With the credential that it was gained with."""

    def load(self, credential: str) -> str | None:
        return self.kept[1] if self.kept is not None and self.kept[0] == credential else None

    def save(self, credential: str, granted: str) -> None:
        self.kept = credential, granted


class MemoryTokens:
    """A token store that lasts as long as the test."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def load(self, name: str) -> str | None:
        return self.kept.get(name)

    def save(self, name: str, secret: str) -> None:
        self.kept[name] = secret


@dataclass(kw_only=True)
class World:
    """Fresh for each test. The clock stands still unless the test or a waiting connector moves it."""

    core: Core
    clock: VirtualClock
    connect: Callable[[Literal["read", "write"]], Connector]
    """One more connector to the same account: a restart remembers nothing."""
    stranger: Callable[[], Connector] | None = None
    """A connector with wrong credentials. None: the service knows no credentials."""
    secrets: tuple[str, ...] = ()
    """What no message may hold."""
    wire: Wire | None = None
    place: dict[str, Any] = field(default_factory=dict)
    """Values by which a create says where it lies: the parent's id, the project, the folder."""
    feed: str | None = None
    """The feed to poll. None: the first that yields the stream."""
    file: Any = None
    """What creates carry, once one did: an open file that goes with the world."""

    def __post_init__(self) -> None:
        self.connector = self.connect("write")
        self._description: Description | None = None

    @property
    def description(self) -> Description:
        """As it was when first asked for: the hub keeps it too."""
        if self._description is None:
            self._description = self.connector.describe()
        return self._description

    @classmethod
    def served(
        cls,
        plugin: ConnectorPlugin,
        sandbox: SandboxPlugin,
        clock: VirtualClock,
        *,
        wrong: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> World:
        """A stand-in without a socket. ``wrong``: settings of someone unknown; by default each secret is replaced."""
        core = sandbox.build(clock, 1)
        wire = Wire(core)
        given = {**sandbox.settings(core, BASE), **settings}
        right = plugin.settings(**given)
        secrets = {name: value for name, value in right if isinstance(value, SecretStr)}
        foreign = {**given, **(wrong if wrong is not None else dict.fromkeys(secrets, WRONG))}

        def build(chosen: Mapping[str, Any], access: Literal["read", "write"]) -> Connector:
            context = Context("contract", clock, MemoryTokens(), access=access, transport=wire)
            return plugin.build(plugin.settings(**chosen), context)

        return cls(
            core=core,
            clock=clock,
            connect=lambda access: build(given, access),
            stranger=lambda: build(foreign, "write"),
            secrets=(WRONG, *(secret.get_secret_value() for secret in secrets.values())),
            wire=wire,
        )
