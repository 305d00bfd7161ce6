"""PostgreSQL plans by what it knows of a table, and it knows nothing of one that is filled for the first time.

It then takes all records of a side for a handful, and goes through them for each page of a crawl. By itself it looks at
tables that have grown once a minute, which a first crawl does not wait for.
"""

from __future__ import annotations

from collections import Counter

import sqlalchemy as sa

FEWEST = 100
"""Rows below which every plan is as good."""

# Negative: the server has never looked.
_KNOWN = sa.text("SELECT reltuples FROM pg_class WHERE oid = to_regclass(:name)")


class Growth:
    """What one connection has written to each table since the server last looked at it."""

    def __init__(self) -> None:
        self._written: Counter[str] = Counter()
        self._known: dict[str, int] = {}

    @classmethod
    def on(cls, connection: sa.Connection) -> Growth:
        found: Growth = connection.info.setdefault("keepstep growth", cls())
        return found

    def wrote(self, connection: sa.Connection, name: str, rows: int) -> None:
        """Let the server look at the table, within the transaction, if that many rows may have doubled it."""
        self._written[name] += rows
        if self._written[name] < max(FEWEST, self._known.get(name, 0)):
            return
        quoted = connection.dialect.identifier_preparer.quote(name)
        self._known[name] = int(connection.execute(_KNOWN, {"name": quoted}).scalar() or 0)
        if self._written[name] >= self._known[name]:
            # Skipped where the server is at it already.
            connection.exec_driver_sql(f"ANALYZE (SKIP_LOCKED) {quoted}")
            self._known[name] = max(self._known[name], 0) + self._written[name]
            self._written[name] = 0
