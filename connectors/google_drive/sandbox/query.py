"""Drive's search language ``q``: parsed into a predicate over items."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Predicate = Callable[[Mapping[str, Any]], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<op><=|>=|!=|=|<|>)|(?P<punct>[(){}])|(?P<word>[A-Za-z]+))", re.DOTALL
)
COMPARED = ("name", "mimeType", "createdTime", "modifiedTime", "fullText", "visibility")
FLAGS = ("trashed", "starred", "sharedWithMe")


class BadQuery(ValueError):
    """Drive would answer 400 ``invalid``."""


def parse(text: str) -> Predicate:
    """A predicate over the full resource of a file. Raises ``BadQuery``."""
    tokens: list[tuple[str, str]] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise BadQuery(text[at:])
        kind = str(match.lastgroup)
        tokens.append((kind, match.group(kind)))
        at = match.end()
    parser = _Parser(tokens)
    predicate = parser.either()
    parser.end()
    return predicate


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _next(self, kind: str | None = None, value: str | None = None) -> str:
        found, text = self._peek()
        if (kind and found != kind) or (value and text != value) or found == "end":
            raise BadQuery(f"at {text or 'the end'}")
        self._at += 1
        return text

    def end(self) -> None:
        if self._peek()[0] != "end":
            raise BadQuery(f"at {self._peek()[1]}")

    def either(self) -> Predicate:
        parts = [self.both()]
        while self._peek() == ("word", "or"):
            self._next()
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else lambda item: any(part(item) for part in parts)

    def both(self) -> Predicate:
        parts = [self.term()]
        while self._peek() == ("word", "and"):
            self._next()
            parts.append(self.term())
        return parts[0] if len(parts) == 1 else lambda item: all(part(item) for part in parts)

    def term(self) -> Predicate:
        kind, text = self._peek()
        if (kind, text) == ("word", "not"):
            self._next()
            inner = self.term()
            return lambda item: not inner(item)
        if (kind, text) == ("punct", "("):
            self._next()
            inner = self.either()
            self._next("punct", ")")
            return inner
        if kind == "text":
            return self._member(_plain(self._next()))
        field = self._next("word")
        if field in FLAGS:
            self._next("op", "=")
            wanted = self._next("word")
            if wanted not in ("true", "false"):
                raise BadQuery(wanted)
            return lambda item: bool(item.get(field)) == (wanted == "true")
        if field in ("appProperties", "properties"):
            return self._property(field)
        if field not in COMPARED:
            raise BadQuery(field)
        if self._peek() == ("word", "contains"):
            self._next()
            part = _plain(self._next("text")).lower()
            return lambda item: part in str(item.get(field, "")).lower()
        return _compare(field, self._next("op"), _plain(self._next("text")))

    def _member(self, value: str) -> Predicate:
        self._next("word", "in")
        field = self._next("word")
        if field == "parents":
            return lambda item: value in item.get("parents", ())
        if field in ("owners", "writers", "readers"):
            return lambda item: any(value == user.get("emailAddress") for user in item.get("owners", ()))
        raise BadQuery(field)

    def _property(self, field: str) -> Predicate:
        self._next("word", "has")
        self._next("punct", "{")
        self._next("word", "key")
        self._next("op", "=")
        key = _plain(self._next("text"))
        self._next("word", "and")
        self._next("word", "value")
        self._next("op", "=")
        value = _plain(self._next("text"))
        self._next("punct", "}")
        return lambda item: item.get(field, {}).get(key) == value


def _plain(literal: str) -> str:
    return re.sub(r"\\(.)", r"\1", literal[1:-1])


def _compare(field: str, op: str, value: str) -> Predicate:
    if op not in ("=", "!=") and not field.endswith("Time"):
        raise BadQuery(f"{field} {op}")
    tests: dict[str, Callable[[str], bool]] = {
        "=": lambda own: own == value,
        "!=": lambda own: own != value,
        "<": lambda own: own < value,
        "<=": lambda own: own <= value,
        ">": lambda own: own > value,
        ">=": lambda own: own >= value,
    }
    test = tests[op]
    return lambda item: test(str(item.get(field, "")))
