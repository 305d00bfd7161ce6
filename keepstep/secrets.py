"""Tokens sealed before they are stored, and secrets struck from everything that is logged."""

from __future__ import annotations

import base64
import json
from typing import Protocol

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keepstep.problems import Problem

VARIABLE = "KEEPSTEP_KEY"


class SecretRows(Protocol):
    """Where sealed tokens lie; the store backs it. A row is what ``save`` was given, or None."""

    def load(self, connection: str, name: str) -> bytes | None: ...

    def save(self, connection: str, name: str, sealed: bytes) -> None: ...


class SecretError(Exception):
    """A token that cannot be sealed or opened; ``problem`` says why, without the token."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code, dict(problem.params))
        self.problem = problem


def keys(value: str) -> MultiFernet:
    """Keys from the text of ``KEEPSTEP_KEY``: several with commas between, the newest first.

    The first seals; all of them open. Raises ``SecretError``.
    """
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if not parts:
        raise SecretError(Problem("key_missing", {"name": VARIABLE, "example": Fernet.generate_key().decode()}))
    try:
        return MultiFernet([Fernet(part) for part in parts])
    except ValueError:
        # The cause is left out on purpose: it may carry the key.
        example = Fernet.generate_key().decode()
        raise SecretError(Problem("key_malformed", {"name": VARIABLE, "example": example})) from None


class SealedTokens:
    """A connection's ``TokenStore``: each token sealed together with its connection and name, so that rows cannot be
    swapped. Without keys nothing is stored: ``save`` raises ``SecretError``, and so does ``load`` of a stored row."""

    def __init__(self, rows: SecretRows, connection: str, key: str | None) -> None:
        self._rows = rows
        self._connection = connection
        self._key = key or ""

    def load(self, name: str) -> str | None:
        sealed = self._rows.load(self._connection, name)
        if sealed is None:
            return None
        about = {"connection": self._connection, "token": name}
        try:
            opened = json.loads(keys(self._key).decrypt(sealed))
        except (InvalidToken, ValueError):
            raise SecretError(Problem("token_unreadable", about | {"name": VARIABLE})) from None
        if opened["connection"] != self._connection or opened["name"] != name:
            raise SecretError(Problem("token_swapped", about))
        return str(opened["secret"])

    def save(self, name: str, secret: str) -> None:
        facts = {"connection": self._connection, "name": name, "secret": secret}
        self._rows.save(self._connection, name, keys(self._key).encrypt(json.dumps(facts).encode()))

    def reseal(self, name: str) -> None:
        """Seal with the newest key what an older one sealed. Does nothing where there is no such token."""
        secret = self.load(name)
        if secret is not None:
            self.save(name, secret)


class HeldTokens:
    """A ``TokenStore`` for the length of one command: what is gained by signing in is forgotten at its end."""

    def __init__(self) -> None:
        self._tokens: dict[str, str] = {}

    def load(self, name: str) -> str | None:
        return self._tokens.get(name)

    def save(self, name: str, secret: str) -> None:
        self._tokens[name] = secret


class AccessRows(Protocol):
    """Where sealed access tokens lie, one for each connection; the store backs it."""

    def load(self, connection: str) -> str | None: ...

    def save(self, connection: str, sealed: str) -> None: ...


class SealedAccess:
    """A connection's ``AccessTokens``: sealed with a key that follows from the credential they were gained with.

    The process has that credential anyway, from the configuration or from a sealed row, so there is no key to look
    after; and a token is worth less than what opens it. Another credential, another connection's row or one that was
    altered opens nothing, and the connection signs in anew.
    """

    def __init__(self, rows: AccessRows, connection: str) -> None:
        self._rows = rows
        self._connection = connection

    def load(self, credential: str) -> str | None:
        sealed = self._rows.load(self._connection)
        if sealed is None:
            return None
        try:
            return self._key(credential).decrypt(sealed.encode()).decode()
        except InvalidToken:
            return None

    def save(self, credential: str, granted: str) -> None:
        self._rows.save(self._connection, self._key(credential).encrypt(granted.encode()).decode())

    def _key(self, credential: str) -> Fernet:
        # Credentials are the services' own random secrets: they need no salt and no stretching.
        about = f"keepstep access token of {self._connection}".encode()
        derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=about).derive(credential.encode())
        return Fernet(base64.urlsafe_b64encode(derived))
