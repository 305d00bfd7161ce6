"""What a connector is given to be built, and what makes a system known to the rest."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from pydantic import BaseModel
from requests.adapters import BaseAdapter

from connectors.base import Clock, Connector
from connectors.login import Person, SignedIn
from connectors.proving import Proving


class TokenStore(Protocol):
    """Where a connector keeps what it must remember to sign in again. The store above seals it."""

    def load(self, name: str) -> str | None: ...

    def save(self, name: str, secret: str) -> None: ...


class AccessTokens(Protocol):
    """Where a connector keeps the access token that it signs in with, for the next process. The store above seals it
    by the credential that it was gained with, so that nobody who lacks that can open it."""

    def load(self, credential: str) -> str | None:
        """What was saved last, if it was under this very credential; None else."""
        ...

    def save(self, credential: str, granted: str) -> None: ...


class NoAccessTokens:
    """Keeps none: each process signs in anew."""

    def load(self, credential: str) -> str | None:
        return None

    def save(self, credential: str, granted: str) -> None:
        """Forgotten."""


Limit = Literal["pace", "asked", "sign_in"]
"""Why requests are held back: so as to ask no more often than the service allows; because the service asked for a
pause; because it lets nobody sign in more often."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A connection sends nothing until then."""

    connection: str
    limit: Limit
    until: datetime
    """In UTC."""


Waiting = Callable[[Wait], AbstractContextManager[object]]
"""Entered for as long as a wait lasts that a person would wonder about; by one thread for each wait."""


def untold(wait: Wait) -> AbstractContextManager[object]:
    """Nobody is told that a connection waits."""
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Context:
    """What a connector is given to be built: its name, its ports to the world, and its limits."""

    name: str
    clock: Clock
    tokens: TokenStore
    access: Literal["read", "write"] = "write"
    """``read``: the session refuses every request that writes."""
    transport: BaseAdapter | None = None
    """Stands in for the network, in tests and simulations."""
    jitter: Callable[[], float] = field(default=lambda: 0.5)
    """Random numbers in [0, 1) that spread retries."""
    share: float = 1.0
    """Part of the service's pace that this connection may use."""
    access_tokens: AccessTokens = field(default_factory=NoAccessTokens)
    waiting: Waiting = field(default=untold)
    model: Any = None
    """The canonical fields there are (``mapping.model.Model``), for a connector that looks after the fields that hold
    them. None: the standard ones."""


@dataclass(frozen=True, slots=True)
class ConnectorPlugin:
    """What an entry point of the group ``keepstep.connectors`` names."""

    system: str
    settings: type[BaseModel]
    """Validates the connection's part of the configuration; forbids unknown keys; secrets are ``SecretStr``."""
    build: Callable[[Any, Context], Connector]
    streams: tuple[str, ...] = ()
    """Streams that every account has, known without signing in. Empty: only the service can tell."""
    named: Callable[[Any], tuple[str, ...]] | None = None
    """Further streams that a connection's valid settings name."""
    login: Callable[[Any, Context, Person], SignedIn] | None = None
    """Sign in by hand. Settings then lack what it gains. Raises ``ConnectorError``. None: all that this system needs
    stands in the configuration."""
    proving: Proving | None = None
    """How its promises are tried in a throwaway place; None: they cannot be."""
