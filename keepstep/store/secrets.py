"""Sealed tokens as rows. What seals them is ``keepstep.secrets``.

What a person gained by signing in is lost for good without its key, and has a table of its own. An access token may be
lost at any time: it is a setting of the store.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from keepstep.store import tables as t
from keepstep.store.store import Store


@dataclass(frozen=True, slots=True)
class StoredSecrets:
    """Sealed tokens in the store."""

    store: Store

    def load(self, connection: str, name: str) -> bytes | None:
        with self.store.read() as tx:
            secret: bytes | None = tx.scalar(
                sa.select(t.sealed.c.secret).where(t.sealed.c.name == f"{connection}:{name}")
            )
            return secret

    def save(self, connection: str, name: str, sealed: bytes) -> None:
        with self.store.write() as tx:
            tx.upsert(t.sealed, [{"name": f"{connection}:{name}", "secret": sealed}])


@dataclass(frozen=True, slots=True)
class StoredAccess:
    """Sealed access tokens in the store."""

    store: Store

    def load(self, connection: str) -> str | None:
        with self.store.read() as tx:
            return access_of(tx.setting(access_name(connection)))

    def save(self, connection: str, sealed: str) -> None:
        with self.store.write() as tx:
            tx.upsert(t.setting, [{"name": access_name(connection), "value": {"sealed": sealed}}])


def access_name(connection: str) -> str:
    """The setting under which a connection's access token lies."""
    return f"access_token:{connection}"


def access_of(value: Any) -> str | None:
    """The sealed token in the value of such a setting."""
    sealed = value.get("sealed") if isinstance(value, dict) else None
    return sealed if isinstance(sealed, str) else None
