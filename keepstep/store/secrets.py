"""Sealed tokens as rows. What seals them is ``keepstep.secrets``."""

from __future__ import annotations

from dataclasses import dataclass

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
