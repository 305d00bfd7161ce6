"""What the service says of the token that we sign with."""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.errors import AuthFailed, Malformed, NotFound
from connectors.trello.client import OWN, TrelloClient

READ, WRITE, ACCOUNT = "read", "write", "account"


class Token(msgspec.Struct, frozen=True):
    """What the service says of a token."""

    idMember: str
    dateExpires: str | None = None
    permissions: list[dict[str, Any]] = []

    @property
    def scopes(self) -> list[str]:
        """``read`` and ``write``, of boards; ``account`` leaves no trace here."""
        boards = [each for each in self.permissions if str(each.get("modelType")).lower() == "board"]
        return [scope for scope in (READ, WRITE) if any(each.get(scope) for each in boards)]


def token_of(client: TrelloClient) -> Token:
    """Our own token as the service knows it. Raises ``AuthFailed`` for one that it does not know."""
    try:
        answer = client.get(OWN)
    except NotFound as error:
        raise AuthFailed("the service does not know this token", status=error.status) from None
    try:
        return msgspec.convert(answer, Token)
    except msgspec.ValidationError as error:
        raise Malformed(f"GET {OWN}: not a token: {error}") from None
