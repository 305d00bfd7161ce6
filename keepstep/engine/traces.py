"""What a person is known by, and whether a stored value holds it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

STRUCK = "[forgotten]"
"""What stands in place of a name or an address that was struck from a text."""

TELLING = 12
"""From so many characters on, an account's id means that account wherever it stands, as in a mention in a text."""


@dataclass
class Traces:
    """A person's names and addresses, found in any text and in any case; accounts and our own ids, where such stand."""

    words: frozenset[str]
    ids: frozenset[str] = frozenset()
    """Our ids of the person, and keys of the accounts (``connection:account``)."""
    accounts: frozenset[tuple[str, str]] = frozenset()
    """Connection and account; the connection is empty where nobody knows it."""
    _pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        telling = {account for _, account in self.accounts if len(account) >= TELLING}
        words = {unicodedata.normalize("NFC", word).strip() for word in {*self.words, *telling}} - {""}
        words |= {quote(word) for word in words}
        # The longest first: an address may hold another one.
        self._pattern = re.compile("|".join(_bounded(word) for word in sorted(words, key=lambda w: (-len(w), w))), re.I)

    def within(self, text: str) -> bool:
        """Whether the text names the person."""
        return bool(self._pattern.pattern) and self._pattern.search(unicodedata.normalize("NFC", text)) is not None

    def holds(self, value: Any, connection: str = "") -> bool:
        """Whether the value, however deep, names the person, as a whole or within a text."""
        match value:
            case str():
                return value in self.ids or self.within(value)
            case Mapping():
                connection = _connection(value, connection)
                return self._is_account(value.get("account"), connection) or any(
                    self.within(str(key)) or key in self.ids or self.holds(each, _below(key, connection))
                    or (key == "by" and self._is_account(each, connection))
                    for key, each in value.items()
                )  # fmt: skip
            case list() | tuple():
                return any(self.holds(each, connection) for each in value)
        return False

    def _is_account(self, value: Any, connection: str) -> bool:
        if not isinstance(value, str):
            return False
        known = {each for where, each in self.accounts if not connection or where in ("", connection)}
        return value in known

    def struck(self, value: Any, connection: str = "") -> Any:
        """The value without what names the person."""
        match value:
            case str():
                if value in self.ids:
                    return STRUCK
                return self._pattern.sub(STRUCK, unicodedata.normalize("NFC", value)) if self.within(value) else value
            case Mapping():
                connection = _connection(value, connection)
                return {
                    self.struck(key): STRUCK
                    if key in ("account", "by") and self._is_account(each, connection)
                    else self.struck(each, _below(key, connection))
                    for key, each in value.items()
                }
            case list() | tuple():
                return [self.struck(each, connection) for each in value]
        return value

    def account(self, value: str | None, connection: str) -> bool:
        """Whether that account of the connection is the person's."""
        return value is not None and (self._is_account(value, connection) or self.within(value))


def _bounded(word: str) -> str:
    """The word as a pattern. A Latin name is no part of a longer word: Ann is not in Planning."""
    pattern = re.escape(word)
    # Within an address, what is written as %3A is no part of the word that follows it.
    start = r"(?:(?<![^\W_])|(?<=%[0-9A-F]{2}))" if word[0].isascii() and word[0].isalnum() else ""
    end = r"(?![^\W_])" if word[-1].isascii() and word[-1].isalnum() else ""
    return f"{start}{pattern}{end}"


def _connection(value: Mapping[str, Any], connection: str) -> str:
    """Whose accounts are meant in a mapping: it may name the side that it is about."""
    side = value.get("side")
    return side.partition(".")[0] if isinstance(side, str) and side else connection


def _below(key: Any, connection: str) -> str:
    """Whose accounts are meant below a key, which may be a side."""
    name, dot, _ = str(key).partition(".")
    return name if dot else connection
