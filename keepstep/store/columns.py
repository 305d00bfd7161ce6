"""Many rows in one statement for PostgreSQL: a value for each column, not one for each field of each row.

Sent row by row, each costs the server a statement; this way a page of records is one.
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
    """An insert as text, and what turns rows into the values of its columns."""

    sql: str
    named: tuple[tuple[str, Callable[[Any], Any]], ...]
    """Each column with what the driver is given for a value of it."""
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
        arrays = ", ".join(f"%s::{_kind(table.c[name].type)}[]" for name in columns)
        sql = f"INSERT INTO {quote(table.name)} ({listed}) SELECT * FROM unnest({arrays})"  # noqa: S608
        if over:
            overwritten = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in names if name not in keys)
            what = f"DO UPDATE SET {overwritten}" if overwritten else "DO NOTHING"
            sql += f" ON CONFLICT ({', '.join(map(quote, keys))}) {what}"
        return cls(sql, tuple((name, _given(table.c[name].type)) for name in columns), unnamed, keys, over)

    def values(self, rows: Sequence[Mapping[str, Any]]) -> tuple[list[Any], ...]:
        """One list for each column. Of rows with the same key the last one counts, as if they came one by one."""
        if self.over:
            rows = list({tuple(row[key] for key in self.keys): row for row in rows}.values())
        return tuple(
            [self.unnamed[name]] * len(rows) if name in self.unnamed else [given(row[name]) for row in rows]
            for name, given in self.named
        )


def _kind(type: sa.types.TypeEngine[Any]) -> str:
    return next((kind for each, kind in KINDS if isinstance(type, each)), "text")


def _given(type: sa.types.TypeEngine[Any]) -> Callable[[Any], Any]:
    if isinstance(type, types.Json):
        return lambda value: None if value is None else msgspec.json.encode(value).decode()
    if isinstance(type, types.String | types.Text):
        return lambda value: None if value is None else types.escaped(value)
    return lambda value: value
