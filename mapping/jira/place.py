"""A custom field that the configuration gives to a canonical one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mapping.fields import FieldMap, Unmappable
from mapping.jira.values import Section, Words
from mapping.pairs import Pair


@dataclass(frozen=True, slots=True)
class Place:
    """One line of the configuration's ``custom`` table, and what the site says of the field."""

    words: Words
    canonical: str
    system: str
    values: frozenset[str] | None = None
    """What a list allows, by name; None where that is not known."""

    def row(self, pair: Pair, **more: Any) -> FieldMap:
        return FieldMap(self.canonical, self.system, *pair, **more)

    def shown(self, read: Callable[[Any, Section], Any]) -> FieldMap:
        """A row for what Jira computes: it is read, and never written."""
        return FieldMap(self.canonical, self.system, read, mode="read")

    def check(self, name: str) -> str:
        """A value that the list allows. Raises ``Unmappable``."""
        if self.values is not None and name not in self.values:
            raise Unmappable("no_such_value", name)
        return name
