"""The types of columns, and conditions on them: the same on every database that can be a store."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from sqlalchemy import BigInteger, BindParameter, Boolean, ColumnElement, Integer, bindparam, func
from sqlalchemy import String as PlainString
from sqlalchemy import Text as PlainText
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

# SQLite counts up only a column of exactly this type.
Serial = BigInteger().with_variant(Integer, "sqlite")


ESCAPE, NUL = "\x1a", "\x00"


def escaped(text: str) -> str:
    """The text as PostgreSQL takes it, which knows every character but NUL."""
    if NUL in text or ESCAPE in text:
        return text.replace(ESCAPE, ESCAPE + "1").replace(NUL, ESCAPE + "0")
    return text


def unescaped(text: str) -> str:
    """The inverse of ``escaped``."""
    return text.replace(ESCAPE + "0", NUL).replace(ESCAPE + "1", ESCAPE) if ESCAPE in text else text


class _Characters(TypeDecorator[str]):
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:
        return _unless_none(escaped) if dialect.name == "postgresql" else None

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        return _unless_none(unescaped) if dialect.name == "postgresql" else None


def _unless_none(change: Callable[[str], str]) -> Callable[[str | None], str | None]:
    return lambda text: None if text is None else change(text)


class String(_Characters):
    """Text of any characters, whatever the database takes: ids and names come from outside."""

    impl = PlainString
    cache_ok = True


class Text(_Characters):
    """As ``String``, for what is long."""

    impl = PlainText
    cache_ok = True


class Json(TypeDecorator[Any]):
    """JSON as text, the same on every database. What PostgreSQL would not take is escaped in JSON itself."""

    impl = PlainText
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else msgspec.json.decode(value)


class _Many(TypeDecorator[Any]):
    """Many texts as one value."""

    impl = PlainText
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        if dialect.name != "postgresql":
            return dialect.type_descriptor(PlainText())
        from sqlalchemy.dialects.postgresql import ARRAY  # drags its drivers in: only for those who use it

        return dialect.type_descriptor(ARRAY(PlainText()))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        texts = [escaped(text) for text in value]
        return texts if dialect.name == "postgresql" else msgspec.json.encode(texts).decode()


class among(FunctionElement[bool]):
    """Whether a text column's value is one of many: one bound value however many there are, and no limit to them."""

    type = Boolean()
    inherit_cache = True

    def __init__(self, column: ColumnElement[Any], values: Iterable[str] | BindParameter[Any]) -> None:
        """``values`` may be ``named``, of a statement that is built once."""
        bound = values if isinstance(values, BindParameter) else bindparam(None, list(values), type_=_Many())
        super().__init__(column, bound)

    def self_group(self, against: Any = None) -> Any:
        """A condition as it stands: compared with 1, as SQLite's numbers for true are, it would use no index."""
        return self


def named(name: str) -> BindParameter[Any]:
    """Many texts that are given when a statement is executed."""
    return bindparam(name, type_=_Many())


@compiles(among, "sqlite")
def _among_sqlite(element: among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(each, **options) for each in element.clauses)
    # A NUL in JSON would be the end of the text to SQLite.
    value = "replace(replace(value, char(26) || '0', char(0)), char(26) || '1', char(26))"
    return f"{column} IN (SELECT {value} FROM json_each({values}))"  # noqa: S608  (both are compiled)


@compiles(among, "postgresql")
def _among_postgresql(element: among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(each, **options) for each in element.clauses)
    return f"{column} = ANY ({values})"


def begins(column: ColumnElement[Any], prefix: str) -> ColumnElement[bool]:
    """Whether a text begins with these very characters. (``LIKE`` has wildcards, and on SQLite ignores case.)"""
    return func.substr(column, 1, len(prefix)) == prefix
