"""Many rows in one statement for PostgreSQL: one JSON document with all of them, not a parameter for each value.

Sent row by row, each costs the server a statement; as parameters, each value costs the driver as much as a page costs
it this way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from keepstep.store import types

KINDS = (
    (sa.Boolean, "boolean"),
    (sa.BigInteger, "bigint"),
    (sa.Integer, "integer"),
    (sa.Float, "double precision"),
    (sa.LargeBinary, "bytea"),
)


@dataclass(frozen=True, slots=True)
class Columns:
    """An insert as text, and what turns rows into its only value."""

    sql: str
    given: tuple[tuple[str, Callable[[Any], Any] | None], ...]
    """Each column with what makes JSON of a value of it that is not none; None: the value is JSON as it is."""
    unnamed: Mapping[str, Any]
    """Values of the columns that the rows do not name."""
    keys: tuple[str, ...]
    over: bool

    @classmethod
    def of(cls, table: sa.Table, over: bool, names: Sequence[str], quote: Callable[[str], str]) -> Columns:
        """An insert into those columns; ``over``: it overwrites the rows whose keys are there."""
        unnamed = {
            column.name: getattr(column.default, "arg", None)
            for column in table.columns
            if column.name not in names and column.default is not None and column.default.is_scalar
        }
        columns = [*names, *unnamed]
        keys = tuple(column.name for column in table.primary_key)
        listed = ", ".join(map(quote, columns))
        shape = ", ".join(f"{quote(name)} {_kind(table.c[name].type)}" for name in columns)
        rows = f"SELECT {listed} FROM json_to_recordset(%s::json) AS given ({shape})"  # noqa: S608
        sql = f"INSERT INTO {quote(table.name)} ({listed}) {rows}"
        if over:
            overwritten = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in names if name not in keys)
            what = f"DO UPDATE SET {overwritten}" if overwritten else "DO NOTHING"
            sql += f" ON CONFLICT ({', '.join(map(quote, keys))}) {what}"
        return cls(sql, tuple((name, _given(table.c[name].type)) for name in columns), unnamed, keys, over)

    def value(self, rows: Sequence[Mapping[str, Any]]) -> str:
        """The rows as JSON. Of rows with the same key the last one counts, as if they came one by one."""
        if self.over:
            rows = list({tuple(row[key] for key in self.keys): row for row in rows}.values())
        return msgspec.json.encode([self._row({**self.unnamed, **row}) for row in rows]).decode()

    def _row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: value if (value := row[name]) is None or given is None else given(value) for name, given in self.given
        }


def _kind(type: sa.types.TypeEngine[Any]) -> str:
    return next((kind for each, kind in KINDS if isinstance(type, each)), "text")


def _given(type: sa.types.TypeEngine[Any]) -> Callable[[Any], Any] | None:
    if isinstance(type, types.Json):
        return lambda value: msgspec.json.encode(value).decode()
    if isinstance(type, types.String | types.Text):
        return types.escaped
    if isinstance(type, sa.LargeBinary):
        return lambda value: f"\\x{value.hex()}"
    return None
