"""Signing in by hand, once, without a public address: what a connector asks of the person before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from connectors.base import Account


class Person(Protocol):
    """Somebody at a terminal. Messages are codes with parameters; the faces above know the words."""

    def tell(self, code: str, **params: object) -> None:
        """Say something that needs no answer."""
        ...

    def ask(self, code: str, *, secret: bool = False, **params: object) -> str:
        """Ask for one line; a secret one is not shown while it is typed. Never empty."""
        ...

    def redirected(self, address: Callable[[str], str]) -> Mapping[str, str]:
        """Show ``address(redirect)`` in a browser, wait until the service sends that back to ``redirect`` (a loopback
        address of ours), and return the query it came with. Without a browser the person pastes where it led to."""
        ...


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What signing in gained. ``secrets`` go into the connection's ``TokenStore`` by these names, sealed."""

    account: Account
    secrets: Mapping[str, str] = field(repr=False)
    scopes: Sequence[str] = ()
    expires_at: str | None = None
    """UTC, where the credentials end by themselves."""
